import { describe, expect, it } from "vitest";
import { partOf } from "../../src/actors/worker/settle.ts";
import { InvalidBody } from "../../src/errors.ts";
import { decodeTask, encodeTask, type Task } from "../../src/protocol/messages.ts";
import { type JobSpec, SpecDecoder } from "../../src/protocol/spec.ts";

const SPEC: JobSpec = {
  job: "job-1",
  kind: "double",
  priority: "normal",
  reduce: { name: "collect", params: {} },
  backoffMs: 100,
  onError: "fail",
  submitted: 1_000,
};
const items = ["1", "null", "3", "null"];
const invalid = [
  { offset: 1, message: "Line 2: \n[odd]" },
  { offset: 3, message: "Line 4" },
];
const task: Task = { spec: SPEC, from: 10, count: 4, items: `[${items.join(",")}]`, invalid };

function received({ headers, data }: ReturnType<typeof encodeTask>) {
  return { subject: "x", headers, data: Buffer.from(data) };
}

describe("the invalid items of a task", () => {
  it("come back beside its items", () => {
    const back = decodeTask(received(encodeTask(task)), new SpecDecoder());
    expect(back.invalid).toEqual(invalid);
    expect(Buffer.from(back.items).toString()).toBe(task.items);
  });

  it("are no part of a task that has none", () => {
    const plain = decodeTask(received(encodeTask({ ...task, invalid: [] })), new SpecDecoder());
    expect(plain.invalid).toBeUndefined();
    expect(Buffer.from(plain.items).toString()).toBe(task.items);
  });

  it("make no task of a message whose first line is none", () => {
    const { headers } = encodeTask(task);
    for (const data of ["", "[1]\n[1]", "{}", '[["0","x"]]\n'])
      expect(() => decodeTask(received({ headers, data }), new SpecDecoder())).toThrow(InvalidBody);
  });

  it("go with their halves when it is bisected", () => {
    expect(partOf(task, items, { from: 10, count: 2 })).toEqual({ items: "[1,null]", invalid: [invalid[0]] });
    expect(partOf(task, items, { from: 12, count: 2 })).toEqual({
      items: "[3,null]",
      invalid: [{ offset: 1, message: "Line 4" }],
    });
  });
});
