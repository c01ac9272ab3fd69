import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { exitCodeOf } from "../../src/cli/exit.ts";
import { MusterError } from "../../src/errors.ts";
import { codeOf, ROOT, read, rowsOf } from "./pages.ts";

interface Raised {
  code: string;
  status: number;
}

/** `super("invalid_json", 400, …)`: what the classes of errors.ts, and of no other file, raise. */
function raised(): Raised[] {
  const found = read("src/errors.ts").matchAll(/super\(\s*"([a-z_]+)",\s*(\d+),/g);
  return [...found].map(([, code = "", status]) => ({ code, status: Number(status) }));
}

const documented = rowsOf(read("docs/errors.md"))
  .filter((cells) => cells.length === 5)
  .map(([code, status, exit]) => ({ code: codeOf(code), status: Number(status), exit: Number(exit) }));

describe("docs/errors.md", () => {
  it("documents every code that src/errors.ts raises, with its status, and none that is gone", () => {
    const page = documented.map(({ code, status }) => ({ code, status }));
    const byCode = (a: Raised, b: Raised) => (a.code < b.code ? -1 : 1);
    expect(raised().length).toBeGreaterThan(30);
    expect(page.sort(byCode)).toEqual(raised().sort(byCode));
  });

  it("says with which code the command line exits", () => {
    const real = documented.map(({ code, status }) => ({
      code,
      status,
      exit: exitCodeOf(new MusterError(code, status, "")),
    }));
    expect(documented).toEqual(real);
  });

  it("is complete: no other file makes a class or a code of its own", () => {
    const files = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" }).filter(
      (name) => name.endsWith(".ts") && name !== "errors.ts",
    );
    const offending = files.filter((name) =>
      /extends MusterError|new MusterError\(\s*"/.test(read(join("src", name))),
    );
    expect(offending).toEqual([]);
  });
});
