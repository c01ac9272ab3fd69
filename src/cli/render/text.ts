/** Text for people: nothing in it moves a cursor or changes a colour, whoever wrote it. */
import { printable } from "./errors.ts";

/** Puts text on one line and shows its control characters as escapes: messages of handlers come from anywhere. */
export function oneLine(text: string): string {
  return printable(text.replace(/\s*[\r\n\t]+\s*/g, " "));
}

/** Cuts text to `limit` characters, and says so with an ellipsis. */
export function cut(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit - 1)}…`;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A span in milliseconds: `12 ms`, `1.5 s`, `2 m 3 s`, `4 h 5 m`, `6 d 7 h`. */
export function formatSpan(ms: number): string {
  if (!Number.isFinite(ms)) return "-";
  if (ms < SECOND) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < MINUTE) return `${Number((ms / SECOND).toFixed(1))} s`;
  if (ms < HOUR) return twoUnits(ms, [MINUTE, "m"], [SECOND, "s"]);
  if (ms < DAY) return twoUnits(ms, [HOUR, "h"], [MINUTE, "m"]);
  return twoUnits(ms, [DAY, "d"], [HOUR, "h"]);
}

type Unit = readonly [ms: number, name: string];

function twoUnits(ms: number, [large, largeName]: Unit, [small, smallName]: Unit): string {
  const rest = Math.floor((ms % large) / small);
  const first = `${Math.floor(ms / large)} ${largeName}`;
  return rest === 0 ? first : `${first} ${rest} ${smallName}`;
}

const BYTE_UNITS = ["B", "kB", "MB", "GB", "TB"] as const;

/** A size: `512 B`, `1.5 kB`, `20 MB`; a kB is 1000 bytes. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  for (; value >= 999.5 && unit < BYTE_UNITS.length - 1; unit++) value /= 1000;
  const digits = unit > 0 && value < 10 ? 1 : 0;
  return `${Number(value.toFixed(digits))} ${BYTE_UNITS[unit]}`;
}

/** `1 item`, `2 items`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
