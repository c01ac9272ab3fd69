import { afterEach, describe, expect, it } from "vitest";
import { Events } from "../../src/telemetry/events.ts";

const released = (partition: number) => ["partition.released", { partition }] as const;

/** Warnings of the process while a test runs: that is where a listener's bug shows. */
const warnings: string[] = [];
const onWarning = (warning: Error) => void warnings.push(String(warning));

afterEach(() => {
  process.off("warning", onWarning);
  warnings.length = 0;
});

describe("events", () => {
  it("reach the listeners of their name, and those of all names, until they unsubscribe", () => {
    const events = new Events();
    const heard: unknown[] = [];
    const off = events.on("partition.released", ({ partition }) => heard.push(partition));
    const offAny = events.onAny((name, payload) => heard.push([name, payload]));
    events.emit(...released(1));
    events.emit("partition.lost", { partition: 9, reason: "r" });
    off();
    events.emit(...released(2));
    offAny();
    events.emit(...released(3));
    expect(heard).toEqual([
      1,
      ["partition.released", { partition: 1 }],
      ["partition.lost", { partition: 9, reason: "r" }],
      ["partition.released", { partition: 2 }],
    ]);
  });

  it("are told in the order of subscription, at once", () => {
    const events = new Events();
    const heard: string[] = [];
    for (const name of ["a", "b", "c"]) events.on("partition.released", () => heard.push(name));
    events.emit(...released(1));
    expect(heard).toEqual(["a", "b", "c"]);
  });

  it.each([
    ["an error", new TypeError("a listener's bug")],
    ["a string", "a listener's bug"],
  ])(
    "do not carry %s that a listener throws back to the teller, nor keep it from others",
    async (_, thrown) => {
      process.on("warning", onWarning);
      const events = new Events();
      const heard: string[] = [];
      events.on("partition.released", () => {
        throw thrown;
      });
      events.on("partition.released", () => heard.push("one"));
      events.onAny(() => {
        throw thrown;
      });
      events.onAny(() => heard.push("all"));
      expect(() => events.emit(...released(1))).not.toThrow();
      expect(heard).toEqual(["one", "all"]);
      const seen = new Promise((resolve) => process.once("warning", resolve));
      await seen;
      expect(warnings[0]).toContain("a listener's bug");
    },
  );

  it("can be waited for, once, and by what is in them", async () => {
    const events = new Events();
    const heard: unknown[] = [];
    const second = events
      .once("partition.released", ({ partition }) => partition === 2)
      .then((each) => heard.push(each));
    const first = events.once("partition.released");
    events.emit(...released(1));
    events.emit(...released(2));
    events.emit(...released(2));
    expect(await first).toEqual({ partition: 1 });
    await second;
    expect(heard).toEqual([{ partition: 2 }]);
  });

  it("can be unsubscribed from by a listener, without a loss to the others", () => {
    const events = new Events();
    const heard: string[] = [];
    const off = events.on("partition.released", () => {
      heard.push("once");
      off();
    });
    events.on("partition.released", () => heard.push("always"));
    events.emit(...released(1));
    events.emit(...released(2));
    expect(heard).toEqual(["once", "always", "always"]);
  });

  it("may go unheard", () => {
    expect(() => new Events().emit(...released(1))).not.toThrow();
  });
});
