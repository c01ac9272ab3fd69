import { describe, expect, it } from "vitest";
import { JobStops } from "../../src/actors/worker/job-stops.ts";

describe("the stops of jobs", () => {
  it("are one for all tasks of a job, and another for each job that has tasks meanwhile", () => {
    const stops = new JobStops();
    const [a, again, b] = [stops.enter("a"), stops.enter("a"), stops.enter("b")];
    expect(again).toBe(a);
    expect(b).not.toBe(a);
    stops.leave("a");
    expect(stops.enter("a")).toBe(a);
  });

  it("serve a later job when no task of the first is left", () => {
    const stops = new JobStops();
    const a = stops.enter("a");
    stops.leave("a");
    expect(stops.enter("b")).toBe(a);
    expect(stops.enter("c")).not.toBe(a);
  });

  it.each(["work", "patience"] as const)("serve no other job once the %s was aborted", (which) => {
    const stops = new JobStops();
    const a = stops.enter("a");
    a[which].abort();
    stops.leave("a");
    const b = stops.enter("b");
    expect(b).not.toBe(a);
    expect(b.work.signal.aborted || b.patience.signal.aborted).toBe(false);
  });
});
