/** What the port promises, as tests that run over every broker. */
import { afterAll, afterEach, beforeAll, describe } from "vitest";
import type { Bed, MakeBed } from "../support/broker-under-test.ts";
import { batches } from "./batch.ts";
import { buckets } from "./buckets.ts";
import { consuming } from "./consume.ts";
import { coreMessages } from "./core.ts";
import { reading } from "./read.ts";
import { restarts } from "./restart.ts";
import { sharing } from "./share.ts";
import { storing } from "./store.ts";
import { tailing } from "./tail.ts";
import { topology } from "./topology.ts";

export function describeBroker(name: string, makeBed: MakeBed): void {
  describe(name, () => {
    let bed: Bed | undefined;
    const getBed = (): Bed => {
      if (bed === undefined) throw new Error("The bed is not up.");
      return bed;
    };

    beforeAll(async () => {
      bed = await makeBed();
    });
    afterEach(() => bed?.closeClients());
    afterAll(() => bed?.stop());

    topology(getBed);
    storing(getBed);
    batches(getBed);
    reading(getBed);
    consuming(getBed);
    sharing(getBed);
    tailing(getBed);
    coreMessages(getBed);
    buckets(getBed);
    restarts(getBed);
  });
}
