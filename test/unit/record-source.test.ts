/** Chunks that an input marks itself, as a dispatcher takes them. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ActorContext } from "../../src/actors/context.ts";
import { RecordSource } from "../../src/actors/dispatcher/record-source.ts";
import { joinOver, type Node } from "../../src/bootstrap/node.ts";
import { SimulatedServer } from "../../src/broker/simulated/server.ts";
import { systemClock } from "../../src/runtime/clock.ts";

let node: Node;
let context: ActorContext;

beforeAll(async () => {
  const server = new SimulatedServer({ clock: systemClock, random: Math.random });
  node = await joinOver(server.connect("test"), { settings: { partitions: 1 } });
  context = node.context("dispatcher");
});
afterAll(() => node.close());

async function open(text: string, skip = 0): Promise<RecordSource> {
  const objects = await context.broker.objects(context.names.inputs);
  await objects.put("it", [Buffer.from(text)]);
  const input = { type: "object", bucket: context.names.inputs, name: "it", format: "shipped" } as const;
  return await RecordSource.open(context, input, { skip, version: undefined });
}

/** The items of all tasks, when so many are asked for each time. */
async function chunksOf(source: RecordSource, count: number, most?: number): Promise<unknown[]> {
  const chunks: unknown[] = [];
  for (let last = false; !last; ) {
    const taken = await source.take(count, most);
    chunks.push(JSON.parse(taken.items));
    last = taken.last;
  }
  return chunks;
}

const MARKED = '0\n!{"chunk":3}\n1\n2\n3\n!{"chunk":1}\n4\n5\n6\n7\n';

describe("an input that marks chunks", () => {
  it.each([1, 2, 100])("gives them whole where %i are asked for", async (count) => {
    const chunks = await chunksOf(await open(MARKED), count);
    expect(chunks.slice(0, 3)).toEqual([[0], [1, 2, 3], [4]]);
    expect(chunks.flat()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it("gives the same ones to whoever goes on with it", async () => {
    expect(await chunksOf(await open(MARKED, 1), 100)).toEqual([[1, 2, 3], [4], [5, 6, 7]]);
    expect(await chunksOf(await open(MARKED, 4), 100)).toEqual([[4], [5, 6, 7]]);
    expect(await chunksOf(await open(MARKED, 5), 2)).toEqual([[5, 6], [7]]);
  });

  it("never gives more than it may, and knows where a chunk goes on", async () => {
    expect(await chunksOf(await open(MARKED, 2), 100, 100)).toEqual([[2, 3], [4], [5, 6, 7]]);
    expect(await chunksOf(await open(MARKED, 1), 1, 2)).toEqual([[1, 2], [3], [4], [5], [6], [7]]);
  });

  it("is looked at without being taken from", async () => {
    const source = await open('!{"chunk":2}\n1\n2\n');
    expect(await source.take(0)).toMatchObject({ count: 0, last: false });
    expect(await source.take(1)).toMatchObject({ count: 2, last: true });
    expect(await (await open('!{"chunk":2}\n')).take(0)).toMatchObject({ count: 0, last: true });
  });

  it("is cut where a mark lies, at what fits into a message", async () => {
    const item = JSON.stringify("x".repeat(400_000));
    const source = await open(`!{"chunk":1000000}\n${`${item}\n`.repeat(5)}`);
    expect((await chunksOf(source, 1)).map((chunk) => (chunk as unknown[]).length)).toEqual([2, 2, 1]);
  });

  it.each(["0", "-1", "1.5", "1000001", '"2"'])("fails the record that a mark of %s items is", async (n) => {
    const taken = await (await open(`!{"chunk":${n}}\n1\n`)).take(5);
    expect(taken).toMatchObject({ items: "[null,1]", invalid: [{ offset: 0 }] });
  });
});
