import { describe, expect, it } from "vitest";
import { decodeProgress, encodeProgress, type ProgressLine } from "../../src/protocol/progress.ts";

const LINE: ProgressLine = {
  job: "j1",
  tasks: 3,
  items: 30,
  handlerMs: 1.5,
  bytes: 900,
  failed: 1,
  state: undefined,
};

describe("progress", () => {
  it("is one array a job, without names", () => {
    expect(encodeProgress([LINE, { ...LINE, job: "j2", state: "failed" }])).toBe(
      '{"jobs":[["j1",3,30,1.5,900,1,0],["j2",3,30,1.5,900,1,"failed"]]}',
    );
  });

  it("comes back, handler time to the microsecond", () => {
    const lines: ProgressLine[] = [
      { ...LINE, handlerMs: 0.1234567 },
      { ...LINE, state: "succeeded" },
    ];
    expect(decodeProgress(encodeProgress(lines))).toEqual([{ ...LINE, handlerMs: 0.123 }, lines[1]]);
    expect(decodeProgress(encodeProgress([]))).toEqual([]);
  });

  it("takes fields that are added later", () => {
    expect(decodeProgress('{"jobs":[["j1",3,30,1.5,900,1,0,"new"]],"more":1}')).toEqual([LINE]);
  });

  it("takes a state that it does not know for none", () => {
    expect(decodeProgress('{"jobs":[["j1",3,30,1.5,900,1,"paused"]]}')).toEqual([LINE]);
  });

  it.each([
    "",
    "{",
    "null",
    "[]",
    "{}",
    '{"jobs":5}',
    '{"jobs":[5,null,{},[]]}',
    '{"jobs":[[5,3,30,1.5,900,1,0]]}',
    '{"jobs":[["j1","3",30,1.5,900,1,0]]}',
    '{"jobs":[["j1",3,30,null,900,1,0]]}',
    '{"jobs":[["j1",3]]}',
    '{"jobs":[["j1",-3,30,1.5,900,1,0]]}',
    '{"jobs":[["j1",3,30,1e999,900,1,0]]}',
  ])("leaves out what is none: %s", (text) => expect(decodeProgress(text)).toEqual([]));

  it("keeps the lines beside one that is none", () => {
    expect(decodeProgress('{"jobs":[null,["j1",3,30,1.5,900,1,0],["x"]]}')).toEqual([LINE]);
  });
});
