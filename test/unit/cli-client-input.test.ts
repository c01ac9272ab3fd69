import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findInputs } from "../../src/cli/client/input-files.ts";
import { type GivenJob, prepareJob } from "../../src/cli/client/job-input.ts";
import { jobOptionsOf, optionTexts } from "../../src/cli/client/job-options.ts";
import { recordsOf } from "../../src/cli/client/record-input.ts";
import { parseWait } from "../../src/cli/client/wait.ts";
import { parseOptions } from "../../src/protocol/options.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "muster-cli-"));
});
afterAll(() => rm(folder, { recursive: true }));

function prepare(given: Partial<GivenJob>, stdin = "") {
  const shell = { cwd: folder, stdin: Readable.from([Buffer.from(stdin)]) as NodeJS.ReadStream };
  return prepareJob(shell, { kind: "double", input: undefined, flags: {}, ...given });
}

describe("the items of a job", () => {
  it("are taken from the argument, texts unchanged", async () => {
    const { body, submission } = await prepare({ input: '[1, 2.50, {"a" : 1}]' });
    expect(body).toBe('[1, 2.50, {"a" : 1}]');
    expect(submission.input).toEqual({ type: "items", items: ["1", "2.50", '{"a" : 1}'] });
  });

  it("are taken from a file of the working directory", async () => {
    await writeFile(join(folder, "items.json"), "[7,8]\n");
    const { submission } = await prepare({ input: "@items.json" });
    expect(submission.input).toEqual({ type: "items", items: ["7", "8"] });
  });

  it("are taken from standard input", async () => {
    const { submission } = await prepare({ input: "-" }, '{"items":["ü"],"reduce":"count"}');
    expect(submission.input).toEqual({ type: "items", items: ['"ü"'] });
    expect(submission.options.reduce).toBe("count");
  });

  it.each([
    ["0:10", { start: 0, step: 1, count: 10 }],
    ["-5:5:2", { start: -5, step: 2, count: 5 }],
    ["10:0:-3", { start: 10, step: -3, count: 4 }],
    ["007:9", { start: 7, step: 1, count: 2 }],
    ["5:5", { start: 5, step: 1, count: 0 }],
  ])("are the range %s", async (range, expected) => {
    const { submission } = await prepare({ flags: { range } });
    expect(submission.input).toEqual({ type: "range", ...expected });
  });

  it.each([
    ["nothing at all", {}, "invalid_body", "No items are given"],
    ["items and a range", { input: "[1]", flags: { range: "0:1" } }, "invalid_body", "give one of them"],
    [
      "a missing file",
      { input: "@none.json" },
      "invalid_body",
      'The file "none.json" cannot be read: ENOENT',
    ],
    ["no file's name", { input: "@" }, "invalid_body", "No file is named"],
    ["a scalar", { input: "5" }, "invalid_body", "send [5]"],
    ["broken JSON", { input: "[1,2" }, "invalid_json", "not valid JSON"],
    ["an integer too large", { input: "[9007199254740993]" }, "unsafe_number", "9007199254740993"],
    ["a prototype's key", { input: '[{"__proto__":1}]' }, "forbidden_key", "__proto__"],
    ["a range that is none", { flags: { range: "1-5" } }, "invalid_option", "FROM:TO"],
    [
      "a range too large",
      { flags: { range: "0:99999999999999999999" } },
      "unsafe_number",
      "99999999999999999999",
    ],
    ["a step of 0", { flags: { range: "0:5:0" } }, "invalid_body", "must not be 0"],
    ["a kind with a wildcard", { kind: "do*", input: "[1]" }, "invalid_name", "do*"],
    ["a kind with a dot", { kind: "a.b", input: "[1]" }, "invalid_name", "a.b"],
    [
      "an unknown option in the body",
      { input: '{"items":[1],"reduc":"sum"}' },
      "unknown_option",
      '"reduce"?',
    ],
    [
      "an unknown reducer in the body",
      { input: '{"items":[1],"reduce":"sumn"}' },
      "unknown_reducer",
      '"sum"?',
    ],
  ])("refuse %s", async (_, given, code, words) => {
    const refused = prepare(given);
    await expect(refused).rejects.toMatchObject({ code });
    await expect(refused).rejects.toThrow(words);
  });
});

describe("the options of a job", () => {
  it("win over those in the body, and leave the others", async () => {
    const input = '{"items":[1],"reduce":"sum","chunk":7}';
    const { submission, options } = await prepare({ input, flags: { reduce: "top-k:3" } });
    expect(submission.options).toMatchObject({ reduce: "top-k:3", chunk: 7 });
    expect(options).toEqual({ reduce: "top-k:3" });
  });

  it("carry a key of the body, so that the job's id follows from it", async () => {
    const { options } = await prepare({ input: '{"items":[1],"key":"k 1"}' });
    expect(options).toEqual({ key: "k 1" });
  });

  it.each([
    [{ reduce: "sumn" }, 'Did you mean "sum"?'],
    [{ reduce: "top-k:0" }, "reduce.k"],
    [{ maxAttempts: "x" }, 'Option "--max-attempts": "x" is not a whole number.'],
    [{ chunk: "1.5" }, 'Option "--chunk": "1.5" is not a whole number.'],
    [{ maxAttempts: "0" }, 'Option "--max-attempts"'],
    [{ timeout: "soon" }, 'Option "--timeout": "soon" is not a duration'],
    [{ deadline: "never" }, 'Option "--deadline": "never" is neither'],
    [{ priority: "urgent" }, 'Option "--priority"'],
    [{ onError: "ignore" }, 'Option "--on-error"'],
    [{ key: "" }, 'Option "--key"'],
  ])("are checked before anything is sent: %o", (flags, words) => {
    expect(() => jobOptionsOf(flags)).toThrow(words);
  });

  it("mean the same as texts for headers as they did when they were parsed", () => {
    const parsed = parseOptions({
      ...{ reduce: { name: "top-k", k: 3 }, chunk: "5", window: 9, maxAttempts: 4, timeout: "1.5s" },
      ...{ priority: "low", delay: "1m", key: "k", onError: "continue", backoff: "2s" },
    });
    expect(parseOptions(optionTexts(parsed))).toEqual({ ...parsed, reduce: '{"name":"top-k","k":3}' });
    const dated = parseOptions({ deadline: "2026-11-24T08:00:00.000Z" });
    expect(parseOptions(optionTexts(dated))).toEqual(dated);
    const relative = parseOptions({ deadline: "10m" });
    expect(parseOptions(optionTexts(relative))).toEqual(relative);
  });
});

describe("--wait", () => {
  it("takes a duration, and waits without a limit where none is given or it is beyond any timer", () => {
    expect(parseWait("1.5s")).toBe(1500);
    expect(parseWait(undefined)).toBeUndefined();
    expect(parseWait("365d")).toBeUndefined();
    expect(() => parseWait("soon")).toThrow('"soon" is not a duration');
  });
});

describe("a file of records", () => {
  it("that vanishes before its turn is named, and nothing is taken for its end", async () => {
    await writeFile(join(folder, "here.ndjson"), "1\n");
    await writeFile(join(folder, "gone.ndjson"), "2\n");
    const found = await findInputs({ stdin: process.stdin, cwd: folder }, ["here.ndjson", "gone.ndjson"]);
    await rm(join(folder, "gone.ndjson"));
    const counts = { bytes: 0, records: 0, bad: 0 };
    const { signal } = new AbortController();
    const reading = recordsOf(found, {
      ...{ format: "ndjson", header: true, onBadRecord: "fail-item", maxBytes: 1_000 },
      counts,
      signal,
    });
    const taken: unknown[] = [];
    const all = (async () => {
      for await (const batch of reading) taken.push(...batch);
    })();
    await expect(all).rejects.toThrow(/The file "gone.ndjson" cannot be read: ENOENT/);
    expect(taken).toEqual(["1"]);
  });
});
