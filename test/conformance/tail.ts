import { describe, expect, it } from "vitest";
import type { StreamMessage } from "../../src/broker/port.ts";
import { MusterError } from "../../src/errors.ts";
import type { Mailbox } from "./mailbox.ts";
import { type GetBed, numbers, openQueue, openScene, readTail, texts, uniqueName } from "./scene.ts";

/** More than a tail may have in flight. */
const MANY = 4000;

/** How many came once no more do. */
async function settledLength(bed: GetBed, messages: Mailbox<StreamMessage>): Promise<number> {
  for (let length = 0; ; length = messages.all.length) {
    await bed().settle();
    if (length > 0 && length === messages.all.length) return length;
  }
}

export function tailing(bed: GetBed): void {
  describe("a tail", () => {
    it("reads what is there in order, and goes on with what comes", async () => {
      const scene = await openScene(bed());
      await scene.fill(3);
      const { messages } = await readTail(scene);
      expect(texts(await messages.take(3))).toEqual(["1", "2", "3"]);
      await scene.broker.store({ subject: scene.subject("b"), data: "4", headers: { "Muster-Job": "j" } });
      expect(await messages.one()).toMatchObject({
        subject: scene.subject("b"),
        seq: 4,
        headers: { "Muster-Job": "j" },
      });
    });

    it("begins at the sequence that it is given", async () => {
      const scene = await openScene(bed());
      await scene.fill(5);
      const { messages } = await readTail(scene, { fromSeq: 4 });
      expect(texts(await messages.take(2))).toEqual(["4", "5"]);
    });

    it("begins at the oldest message when the one it is given is gone, and waits for one that is to come", async () => {
      const scene = await openScene(bed());
      await scene.fill(5);
      await scene.broker.purge(scene.stream, scene.subject(">"), 4);
      const old = await readTail(scene, { fromSeq: 2 });
      expect((await old.messages.take(2)).map((each) => each.seq)).toEqual([4, 5]);
      const future = await readTail(scene, { fromSeq: 7 });
      await scene.fill(2);
      expect((await future.messages.take(1)).map((each) => each.seq)).toEqual([7]);
    });

    it("reads only what its filter matches", async () => {
      const scene = await openScene(bed());
      for (const tokens of [
        ["0", "x"],
        ["1", "y"],
        ["0", "z"],
        ["0", "z", "deep"],
      ]) {
        await scene.broker.store({ subject: scene.subject(...tokens) });
      }
      const { messages } = await readTail(scene, { filter: scene.subject("0", "*") });
      expect((await messages.take(2)).map((each) => each.seq)).toEqual([1, 3]);
      await bed().settle();
      expect(messages.waiting).toHaveLength(0);
    });

    it("reads over the gaps that purges leave, before it and while it reads", async () => {
      const scene = await openScene(bed());
      for (let i = 0; i < 30; i++) await scene.broker.store({ subject: scene.subject(`p${i % 3}`) });
      await scene.broker.purge(scene.stream, scene.subject("p1"));
      const { messages } = await readTail(scene);
      expect((await messages.take(20)).map((each) => each.subject)).not.toContain(scene.subject("p1"));
      await scene.broker.purge(scene.stream, scene.subject(">"));
      await scene.broker.store({ subject: scene.subject("p1"), data: "after" });
      expect(await messages.one()).toMatchObject({ seq: 31 });
    });

    it("leaves everything where it is, for others to read too", async () => {
      const scene = await openScene(bed());
      await scene.fill(2);
      const [one, two] = [await readTail(scene), await readTail(scene, {}, await bed().connect())];
      expect(texts(await one.messages.take(2))).toEqual(texts(await two.messages.take(2)));
      expect(await scene.count()).toBe(2);
    });

    it("may leave the data out", async () => {
      const scene = await openScene(bed());
      await scene.broker.store({
        subject: scene.subject("a"),
        data: "12345",
        headers: { "Muster-Job": "j" },
      });
      const { messages } = await readTail(scene, { headersOnly: true });
      const message = await messages.one();
      expect(message.data).toHaveLength(0);
      expect(message.headers).toMatchObject({ "Muster-Job": "j", "Nats-Msg-Size": "5" });
    });

    it("holds back until what it delivered is released", async () => {
      const scene = await openScene(bed());
      await Promise.all(
        numbers(MANY).map((data) => scene.broker.store({ subject: scene.subject("a"), data })),
      );
      const { tail, messages } = await readTail(scene);
      const window = (await messages.take(await settledLength(bed, messages))).length;
      expect(window).toBeLessThan(MANY);
      tail.release(window);
      for (let released = window; released < MANY; ) {
        const batch = [await messages.one(), ...(await messages.take(messages.waiting.length))];
        tail.release(batch.length);
        expect(messages.all.length).toBeLessThanOrEqual(released + window);
        released += batch.length;
      }
      expect(texts(messages.all)).toEqual(numbers(MANY));
    });

    it("delivers nothing more once it has stopped", async () => {
      const scene = await openScene(bed());
      await scene.fill(1);
      const { tail, messages } = await readTail(scene);
      await messages.take(1);
      await tail.stop();
      await tail.stop();
      tail.release(1);
      await scene.fill(1);
      await bed().settle();
      expect(messages.waiting).toHaveLength(0);
    });

    it("goes on after it was idle for longer than a pull request lives", async () => {
      const scene = await openScene(bed());
      const { messages } = await readTail(scene, {}, await bed().connect({ pullExpiresMs: 1000 }));
      await bed().elapse(2500);
      await scene.fill(2);
      expect(texts(await messages.take(2))).toEqual(["1", "2"]);
    });

    it("of a work queue is refused: its messages are for consumers that acknowledge", async () => {
      const scene = await openQueue(bed());
      await expect(readTail(scene)).rejects.toMatchObject({ brokerCode: 10084 });
    });

    it("of a stream that is not there is refused", async () => {
      const scene = await openScene(bed());
      const refused = readTail(scene, { stream: uniqueName().toUpperCase() });
      await expect(refused).rejects.toBeInstanceOf(MusterError);
    });
  });
}
