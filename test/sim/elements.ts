/** The accidents of messages: loss, doubles, delay, and the deaths that are counted in messages. */
import type { Fate, FaultPlan } from "../../src/broker/simulated/faults.ts";
import type { Dice } from "./dice.ts";
import type { Passage, Scenario, Weather } from "./scenario.ts";

export interface ElementsGround {
  scenario: Scenario;
  dice: Dice;
  /** Milliseconds since the start. */
  elapsed(): number;
  /** Tells of each message. */
  onPassage(client: string, passage: Passage, subject: string): void;
  /** Clients whose messages always arrive at once. */
  isSpared(client: string): boolean;
}

/** The faults of a scenario, as the simulated server asks for them. */
export function elementsOf(ground: ElementsGround): FaultPlan {
  const { scenario, dice } = ground;
  const { latencyMs, weather } = scenario;
  const fateOf = (client: string, passage: Passage, subject: string): Fate => {
    if (ground.isSpared(client)) return "pass";
    ground.onPassage(client, passage, subject);
    const now = ground.elapsed();
    for (const each of weather) {
      if (now < each.from || now >= each.until || !isMeant(each, passage, subject)) continue;
      if (each.loss > 0 && dice.chance(each.loss)) return "drop";
      if (each.twice > 0 && dice.chance(each.twice)) return "twice";
      if (each.slow > 0 && dice.chance(each.slow)) return { delayMs: dice.int(1, each.slowMs) };
    }
    const delayMs = latencyMs === 0 ? 0 : dice.int(0, latencyMs);
    return delayMs === 0 ? "pass" : { delayMs };
  };
  return {
    onPublish: ({ client, subject }) => fateOf(client, "publish", subject),
    onPublishAck: ({ client, subject }) => once(fateOf(client, "ack", subject)),
    onDeliver: ({ client, subject }) => fateOf(client, "deliver", subject),
    onSettle: ({ client, subject }) => fateOf(client, "settle", subject),
    onLook: ({ client, subject }) => once(fateOf(client, "look", subject)),
    onLookAnswer: ({ client, subject }) => once(fateOf(client, "answer", subject)),
    onCore: ({ client, subject }) => fateOf(client, "core", subject),
    onTail: ({ client, subject }) => {
      const fate = fateOf(client, "tail", subject);
      return typeof fate === "object" ? fate.delayMs : 0;
    },
  };
}

function isMeant({ what, word }: Weather, passage: Passage, subject: string): boolean {
  return (what === "all" || what === passage) && (word === undefined || subject.includes(word));
}

/** An answer that comes twice is one. */
function once(fate: Fate): Fate {
  return fate === "twice" ? "pass" : fate;
}
