/** What one check of `muster doctor` found. */
export interface Finding {
  check: string;
  level: "ok" | "warn" | "fail";
  /** What is so. */
  detail: string;
  /** What to do about it. */
  advice?: string;
  /** The error's code, for a check that failed with one of muster's errors. */
  code?: string;
}

export function ok(check: string, detail: string): Finding {
  return { check, level: "ok", detail };
}

export function warn(check: string, detail: string, advice: string): Finding {
  return { check, level: "warn", detail, advice };
}
