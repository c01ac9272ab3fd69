/** What a client hears of a job's progress, whoever tells it. */
import { describe, expect, it } from "vitest";
import { Client } from "../../src/actors/client.ts";
import type { ActorContext } from "../../src/actors/context.ts";
import { SimulatedServer } from "../../src/broker/simulated/server.ts";
import { Names } from "../../src/protocol/names.ts";
import { encodeProgress, type ProgressLine } from "../../src/protocol/progress.ts";
import { VirtualClock } from "../../src/runtime/virtual-clock.ts";
import { Events } from "../../src/telemetry/events.ts";

const names = new Names("muster");

/** What is heard of job `j`, of these lines told in this order. */
async function heard(lines: readonly Partial<ProgressLine>[]): Promise<[number, string | undefined][]> {
  const clock = new VirtualClock();
  const server = new SimulatedServer({ clock, random: () => 0.5, timeoutMs: 500 });
  const context = { broker: server.connect("client"), names, clock, events: new Events() };
  const client = new Client(context as unknown as ActorContext);
  await client.start();
  const all: [number, string | undefined][] = [];
  client.onProgress("j", ({ items, state }) => all.push([items, state]));
  const teller = server.connect("aggregator");
  for (const line of lines) {
    const whole = {
      job: "j",
      tasks: 0,
      items: 0,
      handlerMs: 0,
      bytes: 0,
      failed: 0,
      state: undefined,
      ...line,
    };
    teller.publish({ subject: names.control("progress"), data: encodeProgress([whole]) });
    await clock.advance(10);
  }
  return all;
}

describe("the progress of a job", () => {
  it("never goes back, though an aggregator that took over counts again", async () => {
    const lines = await heard([{ items: 3 }, { items: 62 }, { items: 17 }, { items: 62 }, { items: 70 }]);
    expect(lines.map(([items]) => items)).toEqual([3, 62, 62, 70]);
  });

  it("is over with the job's end, though an aggregator that has not heard of it counts on", async () => {
    const lines = await heard([{ items: 62 }, { items: 0, state: "cancelled" }, { items: 17 }]);
    expect(lines).toEqual([
      [62, undefined],
      [0, "cancelled"],
    ]);
  });
});
