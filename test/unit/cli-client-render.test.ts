import type { Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { commandLine } from "../../src/cli/client/hints.ts";
import { eventLine, jobLine } from "../../src/cli/render/job-line.ts";
import { explain, outcomeView } from "../../src/cli/render/outcome.ts";
import { formatJob, formatJobs } from "../../src/cli/render/status.ts";
import { formatTable } from "../../src/cli/render/table.ts";
import { cut, formatBytes, formatSpan, oneLine } from "../../src/cli/render/text.ts";
import type { Outcome } from "../../src/protocol/outcome.ts";
import { Captured } from "../support/cli.ts";

const CONTROL = /\p{Cc}/u;

describe("text", () => {
  it.each([
    [0, "0 ms"],
    [999, "999 ms"],
    [1500, "1.5 s"],
    [62_000, "1 m 2 s"],
    [3_600_000, "1 h"],
    [90_000_000, "1 d 1 h"],
    [Number.NaN, "-"],
  ])("shows a span of %d ms as %s", (ms, shown) => {
    expect(formatSpan(ms)).toBe(shown);
  });

  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1500, "1.5 kB"],
    [999_999, "1 MB"],
    [20_000_000, "20 MB"],
  ])("shows %d bytes as %s", (bytes, shown) => {
    expect(formatBytes(bytes)).toBe(shown);
  });

  it("stays on one line, and moves no cursor", () => {
    expect(oneLine("a\n  b\u001b[31mc\u009bd\te")).toBe("a b\\u001b[31mc\\u009bd e");
    expect(cut("abcdef", 4)).toBe("abc…");
  });
});

describe("a table", () => {
  it("aligns its columns, without borders or spaces at the end", () => {
    const table = formatTable(
      [{ head: "NAME" }, { head: "N", align: "right" }],
      [
        ["a", "1"],
        ["long name", "12345"],
      ],
    );
    expect(table).toBe("NAME           N\na              1\nlong name  12345\n");
  });

  it("shows control characters in cells as escapes", () => {
    const table = formatTable([{ head: "A" }], [["x\u001b[2Jy"]]);
    expect(table.split("\n").every((line) => !CONTROL.test(line))).toBe(true);
  });
});

const OUTCOME: Outcome = {
  ...{ job: "j1", kind: "fail", state: "failed", body: "", failures: [] },
  counts: { items: 30, failed: 25, tasks: 3, duplicates: 0, handlerMs: 1 },
  times: { submitted: 0, finished: 1000 },
  error: { code: "handler_failed", message: "Item 3 failed: no", path: "items[3]", status: 500 },
};
const failure = (index: number) => ({ index, code: "handler_failed", message: "no", attempts: 2 });

function explained(outcome: Outcome): string {
  const stderr = new Captured();
  explain({ stderr: stderr as Writable as NodeJS.WriteStream }, outcome);
  return stderr.text;
}

describe("an outcome", () => {
  it("that failed is explained with its first failed items, and where the others are", () => {
    const text = explained({
      ...OUTCOME,
      failures: Array.from({ length: 20 }, (_, index) => failure(index)),
    });
    const lines = text.trimEnd().split("\n");
    expect(lines[0]).toBe("muster: Job j1 failed: Item 3 failed: no [handler_failed]");
    expect(lines[1]).toBe("  item 0: no [handler_failed, tried 2 times]");
    expect(lines).toHaveLength(12);
    expect(lines.at(-1)).toBe("  all of them: muster dead ls j1");
  });

  it("that failed by one item names it once", () => {
    const one = { ...OUTCOME, counts: { ...OUTCOME.counts, failed: 1 }, failures: [failure(3)] };
    expect(explained(one)).toBe("muster: Job j1 failed: Item 3 failed: no [handler_failed]\n");
  });

  it("that succeeded whole says nothing, and in part says so", () => {
    const { error: _, ...whole } = { ...OUTCOME, state: "succeeded" as const };
    expect(explained({ ...whole, counts: { ...whole.counts, failed: 0 } })).toBe("");
    expect(explained({ ...whole, failures: [failure(1)] })).toContain("25 of 30 items of job j1 failed");
  });

  it("never moves a cursor, whatever a handler's message holds", () => {
    const text = explained({ ...OUTCOME, failures: [{ ...failure(1), message: "x\u001b[2J\r\ny" }] });
    expect(text.split("\n").some((line) => CONTROL.test(line))).toBe(false);
  });

  it("is shown field by field, and as JSON with its error", () => {
    expect(formatJob(OUTCOME)).toContain("error         Item 3 failed: no [handler_failed]\n");
    expect(outcomeView(OUTCOME)).toMatchObject({ job: "j1", items: 30, error: { code: "handler_failed" } });
  });
});

describe("jobs and events", () => {
  const view = { job: "j1", kind: "double", state: "running", items: 3, failed: 0, tasks: 1 };

  it("are lines", () => {
    expect(jobLine({ ...view, total: 10 })).toBe("j1  double  running  3/10 items, 0 failed");
    expect(jobLine(view)).toBe("j1  double  running  3 items, 0 failed");
    const event = { type: "finished", time: "T", by: "w", job: "j1", ms: 2, message: "a b\u001b" };
    expect(eventLine(event)).toBe('T  finished  by=w job=j1 ms=2 message="a b\\u001b"');
  });

  it("say how long they took, running or over", () => {
    const submitted = new Date(0).toISOString();
    const over = { ...view, submitted, finished: new Date(1500).toISOString() };
    expect(formatJobs([over], 60_000)).toMatch(/1\.5 s\s+1 m ago/);
    expect(formatJobs([{ ...view, submitted }], 60_000)).toMatch(/1 m\s+1 m ago/);
    expect(formatJobs([], 0)).toBe("No jobs.\n");
  });
});

describe("a command to copy", () => {
  it("has the connection's flags, but no password", () => {
    const options = { server: "nats://a:1", prefix: "team", password: "secret" };
    expect(commandLine("cancel j1", options)).toBe("muster cancel j1 --server nats://a:1 --prefix team");
    expect(commandLine("cancel j1", { server: "nats://u:p@a:1", prefix: "muster" })).toBe("muster cancel j1");
    expect(commandLine("cancel j1", { creds: "/a b.creds" })).toBe("muster cancel j1 --creds '/a b.creds'");
  });
});
