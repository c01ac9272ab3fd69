import { describe, expect, it } from "vitest";
import { Background } from "../../src/runtime/background.ts";

function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

const tick = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("background work", () => {
  it("is counted until it is done", async () => {
    const background = new Background(() => {});
    const gates = [gate(), gate()];
    for (const { opened } of gates) background.run(() => opened);
    expect(background.size).toBe(2);
    gates[0]?.open();
    await tick();
    expect(background.size).toBe(1);
    gates[1]?.open();
    await background.settled();
    expect(background.size).toBe(0);
  });

  it("is settled only when what it began itself is done, too", async () => {
    const background = new Background(() => {});
    const order: string[] = [];
    const nest = async (depth: number): Promise<void> => {
      await tick();
      order.push(`end ${depth}`);
      if (depth > 0) background.run(() => nest(depth - 1));
    };
    background.run(() => nest(3));
    await background.settled();
    expect(order).toEqual(["end 3", "end 2", "end 1", "end 0"]);
    expect(background.size).toBe(0);
  });

  it("tells every error to one listener, and none to whoever waits", async () => {
    const heard: unknown[] = [];
    const background = new Background((error) => heard.push(error));
    for (const name of ["a", "b"]) background.run(() => Promise.reject(new Error(name)));
    background.run(async () => "fine");
    await background.settled();
    expect(heard.map(String)).toEqual(["Error: a", "Error: b"]);
    expect(background.size).toBe(0);
  });

  it("goes on where an error makes new work of its own", async () => {
    let tries = 0;
    const background = new Background(() => background.run(retry));
    const retry = async () => {
      tries++;
      if (tries < 4) throw new Error("not yet");
    };
    background.run(retry);
    await background.settled();
    expect(tries).toBe(4);
  });

  it("is settled at once where there is none", async () => {
    await new Background(() => {}).settled();
  });
});
