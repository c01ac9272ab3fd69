/** Jobs whose items lie in the object store, in every format, with records that cannot be read. */
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ClientJob } from "../../src/actors/submit.ts";
import type { Outcome } from "../../src/protocol/outcome.ts";
import { Fleet, type ServerOnDisk, serverOnDisk } from "../support/fleet.ts";

describe("a job that names an object", () => {
  let server: ServerOnDisk;
  let fleet: Fleet;

  beforeAll(async () => {
    server = await serverOnDisk();
    fleet = await Fleet.join(server.url, { lease: "1s" });
    await fleet.start("aggregator");
    await fleet.start("worker", { slots: 2 });
  });
  afterAll(async () => {
    await fleet?.stop();
    await server?.remove();
  });

  async function put(name: string, data: string | Uint8Array): Promise<void> {
    const objects = await fleet.client.broker.objects("MUSTER_INPUTS");
    await objects.put(name, [Buffer.from(data)]);
  }

  async function submit(name: string, fields: object, options: ClientJob["options"] = {}): Promise<string> {
    const body = JSON.stringify({ object: `MUSTER_INPUTS/${name}`, ...fields });
    return await fleet.client.submit({ kind: "echo", body, options });
  }

  /** Resolves once at least so many items of the job are gathered. */
  function gathered(job: string, items: number): Promise<void> {
    return new Promise((resolve) => {
      const off = fleet.client.onProgress(job, (line) => {
        if (line.items < items && line.state === undefined) return;
        off();
        resolve();
      });
    });
  }

  describe("with a dispatcher", () => {
    let dispatcher: Awaited<ReturnType<Fleet["start"]>>;

    beforeAll(async () => {
      dispatcher = await fleet.start("dispatcher");
    });
    afterAll(async () => {
      await dispatcher.stop();
    });

    async function run(
      data: string | Uint8Array,
      fields: object,
      options: ClientJob["options"] = {},
    ): Promise<{ outcome: Outcome; result: unknown }> {
      await put("input", data);
      const { outcome, text } = await fleet.result(await submit("input", fields, options));
      return { outcome, result: outcome.state === "succeeded" ? JSON.parse(text) : undefined };
    }

    it.each([
      ["ndjson", {}, '{"a":1}\n\n[2]\r\n"é"', [{ a: 1 }, [2], "é"]],
      ["lines", {}, "a\r\n\né", ["a", "", "é"]],
      ["csv", {}, 'a,b\n1,"x\n""y"""\n', [{ a: "1", b: 'x\n"y"' }]],
      ["csv", { header: false }, "a,b\n1\n", [["a", "b"], ["1"]]],
      ["json", {}, '[1,\n{"a":[2]},"]"]', [1, { a: [2] }, "]"]],
    ])("runs the records of %s %j, plain and as gzip", async (format, more, text, items) => {
      expect((await run(text, { format, ...more })).result).toEqual(items);
      expect((await run(gzipSync(text), { format, ...more })).result).toEqual(items);
    });

    it("has no items where the object is empty", async () => {
      expect((await run("", { format: "lines" })).result).toEqual([]);
      expect((await run("[]", { format: "json" })).result).toEqual([]);
    });

    it("fails a record that cannot be read, as an item with its line number, which fails the job", async () => {
      const { outcome } = await run("1\nx\n3\n", {});
      expect(outcome.state).toBe("failed");
      expect(outcome.error).toMatchObject({
        code: "invalid_record",
        message: expect.stringMatching(
          /^Item 1 failed \(never run\): Line 2 of the input: it is not valid JSON/,
        ),
      });
    });

    it("leaves such records out by choice, loses nothing else, and keeps the order", async () => {
      const lines = Array.from({ length: 3_000 }, (_, i) => (i % 7 === 3 ? "{" : String(i)));
      const { outcome, result } = await run(lines.join("\n"), {}, { onError: "continue" });
      expect(result).toEqual(lines.map((line) => (line === "{" ? null : Number(line))));
      const bad = lines.filter((line) => line === "{").length;
      expect(outcome.counts).toMatchObject({ items: 3_000, failed: bad });
      const letters = await fleet.client.deadLetters(outcome.job);
      expect(letters).toHaveLength(bad);
      expect(letters[0]).toMatchObject({ index: 3, code: "invalid_record", attempts: 0, input: undefined });
      expect(letters.every(({ index, message }) => message.startsWith(`Line ${index + 1} of`))).toBe(true);
    });

    it("fails one record of a JSON array, of a gzip cut short, and one that no message could hold", async () => {
      const options = { onError: "continue" };
      const array = await run("[1,\noops,3]", { format: "json" }, options);
      expect(array.result).toEqual([1, null, 3]);
      const text = Array.from({ length: 20_000 }, (_, i) => String((i * 7919) % 100_003)).join("\n");
      const short = await run(gzipSync(text).subarray(0, 20_000), {}, options);
      expect(short.outcome.counts.failed).toBe(1);
      expect(short.outcome.failures[0]?.message).toMatch(/cut short/);
      const long = await run(`1\n"${"x".repeat(1_100_000)}"\n3`, {}, options);
      expect(long.result).toEqual([1, null, 3]);
    });

    const numbered = Array.from({ length: 12_400 }, (_, i) => (i === 12_344 ? '{"n":12' : `{"n":${i}}`));
    const long = Array.from({ length: 20_000 }, (_, i) => String((i * 7919) % 100_003)).join("\n");

    it.each<[string, string | Uint8Array, object, number, RegExp]>([
      ["line 12,345 is not JSON", numbered.join("\n"), {}, 12_345, /^Line 12345 of .* it is not valid JSON/],
      [
        "a CSV row has too many fields",
        "a,b\n1,2\n1,2,3\n4,5\n",
        { format: "csv" },
        3,
        /^Line 3 of .* 3 fields/,
      ],
      ["gzip is cut short", gzipSync(long).subarray(0, 20_000), {}, 1, /cut short/],
    ])("where %s, fails that record or, by choice, the job", async (_, data, fields, items, said) => {
      const left = await run(data, { ...fields, reduce: "count" }, { onError: "continue" });
      expect(left.outcome).toMatchObject({ state: "succeeded", counts: { failed: 1 } });
      expect(left.outcome.counts.items).toBeGreaterThanOrEqual(items);
      expect(left.result).toBe(left.outcome.counts.items - 1);
      expect(left.outcome.failures[0]).toMatchObject({ code: "invalid_record", attempts: 0 });
      expect(left.outcome.failures[0]?.message).toMatch(said);
      for (const choice of [{}, { onBadRecord: "fail-job" }]) {
        const { outcome } = await run(data, { ...fields, ...choice });
        expect(outcome).toMatchObject({ state: "failed", error: { code: "invalid_record" } });
        expect(outcome.error?.message).toMatch(new RegExp(said.source.replace("^", "")));
      }
    });

    it("fails by choice at the first such record", async () => {
      const { outcome } = await run("a,b\n1,2\n1,2,3\n", { format: "csv", onBadRecord: "fail-job" });
      expect(outcome.error).toMatchObject({
        code: "invalid_record",
        message: "Line 3 of the input: it has 3 fields, and the header 2.",
      });
    });

    it("ends with a clear error when its object is deleted while it runs", async () => {
      // Too large to be read before the first items are back, with a window of two tasks.
      await put("doomed", `${`"${"x".repeat(1_000)}"\n`.repeat(2_000)}`);
      const job = await submit("doomed", {}, { chunk: 10, window: 2, reduce: "count" });
      await gathered(job, 20);
      await (await fleet.client.broker.objects("MUSTER_INPUTS")).remove("doomed");
      const { outcome } = await fleet.result(job);
      expect(outcome.state).toBe("failed");
      expect(outcome.error).toMatchObject({
        code: "object_gone",
        message: expect.stringContaining("MUSTER_INPUTS/doomed"),
      });
    });
  });

  describe("whose dispatcher leaves in its midst", () => {
    const LINES = 40_000;
    const lines = Array.from({ length: LINES }, (_, i) => (i % 1_000 === 17 ? "no JSON" : `[${i},"é"]`));

    it("goes on at the right record: every item once, in order, the bad ones too", async () => {
      await put("long", gzipSync(lines.join("\n")));
      const first = await fleet.start("dispatcher");
      const job = await submit("long", {}, { chunk: 50, window: 8, onError: "continue" });
      await gathered(job, 5_000);
      await first.stop();
      const second = await fleet.start("dispatcher");
      const { outcome, text } = await fleet.result(job);
      await second.stop();
      expect(outcome.counts).toMatchObject({ items: LINES, failed: LINES / 1_000 });
      const expected = lines.map((line) => (line === "no JSON" ? null : JSON.parse(line)));
      expect(JSON.parse(text)).toEqual(expected);
    });

    it("does not go on in an object that was replaced meanwhile", async () => {
      await put("long", lines.join("\n"));
      const first = await fleet.start("dispatcher");
      const job = await submit("long", {}, { chunk: 50, window: 8, onError: "continue" });
      await gathered(job, 5_000);
      await first.stop();
      await put("long", "1\n2\n3\n");
      const second = await fleet.start("dispatcher");
      const { outcome } = await fleet.result(job);
      await second.stop();
      expect(outcome.error?.code).toBe("object_gone");
    });
  });
});
