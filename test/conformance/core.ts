import { describe, expect, it } from "vitest";
import type { Broker, InMessage } from "../../src/broker/port.ts";
import { MusterError, RequestFailed } from "../../src/errors.ts";
import { Mailbox } from "./mailbox.ts";
import { type GetBed, numbers, openScene, text, texts, uniqueName } from "./scene.ts";

function listen(broker: Broker, subject: string, queue?: string): Mailbox<InMessage> {
  const mailbox = new Mailbox<InMessage>();
  broker.subscribe(subject, mailbox.put, queue);
  return mailbox;
}

/** Two connections and a subject that nobody else uses. */
async function open(bed: GetBed): Promise<{ here: Broker; there: Broker; subject: string }> {
  return { here: await bed().connect(), there: await bed().connect(), subject: uniqueName() };
}

/** Answers each request on the subject with what `answers` makes of it. */
async function serve(
  broker: Broker,
  subject: string,
  answers: (message: InMessage) => string[],
): Promise<void> {
  broker.subscribe(subject, (message) => {
    if (message.reply === undefined) return;
    for (const data of answers(message))
      broker.publish({ subject: message.reply, data, headers: { Who: "server" } });
  });
  await broker.flush();
}

export function coreMessages(bed: GetBed): void {
  publishing(bed);
  queueGroups(bed);
  requests(bed);
  gathering(bed);
  capturedSubjects(bed);
}

function publishing(bed: GetBed): void {
  describe("publish and subscribe", () => {
    it("delivers to every subscriber, in the order of publishing, with headers and reply", async () => {
      const { here, there, subject } = await open(bed);
      const boxes = [listen(here, subject), listen(there, subject), listen(there, `${subject}.*`)];
      await Promise.all([here.flush(), there.flush()]);
      here.publish({ subject, data: "1", headers: { A: "b" }, reply: "r" });
      for (const data of ["2", "3"]) here.publish({ subject, data });
      for (const box of boxes.slice(0, 2)) expect(texts(await box.take(3))).toEqual(["1", "2", "3"]);
      expect(boxes[1]?.all[0]).toMatchObject({ subject, headers: { A: "b" }, reply: "r" });
      expect(boxes[1]?.all[1]?.reply).toBeUndefined();
      expect(boxes[2]?.all).toHaveLength(0);
    });

    it.each([
      ["a.*", ["a.b"]],
      ["a.>", ["a.b", "a.b.c"]],
      ["*.b", ["a.b", "x.b"]],
      ["a.*.c", ["a.b.c"]],
      [">", ["a", "a.b", "a.b.c", "x.b"]],
    ])("matches wildcards: %s", async (filter, expected) => {
      const { here, subject } = await open(bed);
      const box = listen(here, `${subject}.${filter}`);
      for (const tail of ["a", "a.b", "a.b.c", "x.b"]) here.publish({ subject: `${subject}.${tail}` });
      await here.flush();
      await bed().settle();
      expect(box.all.map((each) => each.subject)).toEqual(expected.map((tail) => `${subject}.${tail}`));
    });

    it("loses what nobody listens to", async () => {
      const { here, there, subject } = await open(bed);
      here.publish({ subject, data: "early" });
      await here.flush();
      const box = listen(there, subject);
      await there.flush();
      here.publish({ subject, data: "late" });
      expect(text(await box.one())).toBe("late");
    });

    it("ends with the subscription", async () => {
      const { here, there, subject } = await open(bed);
      const box = new Mailbox<InMessage>();
      const subscription = there.subscribe(subject, box.put);
      await there.flush();
      here.publish({ subject });
      await box.take(1);
      subscription.close();
      subscription.close();
      await there.flush();
      here.publish({ subject });
      await here.flush();
      await bed().settle();
      expect(box.waiting).toHaveLength(0);
    });

    it("reaches nobody from a client that was killed, nor the killed client", async () => {
      const { here, there, subject } = await open(bed);
      const [alive, dead] = [listen(here, subject), listen(there, subject)];
      await Promise.all([here.flush(), there.flush()]);
      bed().kill(there);
      await bed().settle();
      there.publish({ subject, data: "from the dead" });
      here.publish({ subject, data: "from the living" });
      expect(text(await alive.one())).toBe("from the living");
      await bed().settle();
      expect(dead.all).toHaveLength(0);
      expect(alive.waiting).toHaveLength(0);
    });

    it("goes to an inbox only where it was made", async () => {
      const { here, there } = await open(bed);
      const [first, second] = [here.inbox(), here.inbox()];
      expect(new Set([first, second, there.inbox()]).size).toBe(3);
      const box = listen(here, first);
      await here.flush();
      there.publish({ subject: second, data: "other" });
      there.publish({ subject: first, data: "mine" });
      expect(text(await box.one())).toBe("mine");
    });
  });
}

function queueGroups(bed: GetBed): void {
  describe("a queue group", () => {
    it("has each message delivered to one member, and all members get some", async () => {
      const { here, there, subject } = await open(bed);
      const members = [listen(here, subject, "q"), listen(there, subject, "q"), listen(there, subject, "q")];
      const witness = listen(there, subject);
      await Promise.all([here.flush(), there.flush()]);
      for (const data of numbers(300)) here.publish({ subject, data });
      await witness.take(300);
      await bed().settle();
      const all = members.flatMap((member) => texts(member.all).map(Number));
      expect(all.sort((a, b) => a - b)).toEqual(numbers(300).map(Number));
      for (const member of members) expect(member.all.length).toBeGreaterThan(0);
    });

    it("gets its own copy beside other groups, and goes on when a member is killed", async () => {
      const { here, there, subject } = await open(bed);
      const [one, other] = [listen(here, subject, "q1"), listen(here, subject, "q2")];
      const doomed = listen(there, subject, "q1");
      await Promise.all([here.flush(), there.flush()]);
      bed().kill(there);
      await bed().settle();
      for (const data of numbers(20)) here.publish({ subject, data });
      expect(texts(await one.take(20))).toEqual(numbers(20));
      expect(texts(await other.take(20))).toEqual(numbers(20));
      expect(doomed.all).toHaveLength(0);
    });
  });
}

function requests(bed: GetBed): void {
  describe("a request", () => {
    it("is answered, with headers both ways", async () => {
      const { here, there, subject } = await open(bed);
      await serve(there, subject, (message) => [`${message.headers.Q}:${text(message)}`]);
      const answer = await here.request({ subject, data: "d", headers: { Q: "q" } }, { timeoutMs: 2000 });
      expect(text(answer)).toBe("q:d");
      expect(answer.headers).toMatchObject({ Who: "server" });
    });

    it("gets its own answer among many", async () => {
      const { here, there, subject } = await open(bed);
      await serve(there, subject, (message) => [text(message)]);
      const asked = numbers(100).map((data) => here.request({ subject, data }, { timeoutMs: 2000 }));
      expect(texts(await Promise.all(asked))).toEqual(numbers(100));
    });

    it("fails at once when nobody listens", async () => {
      const { here, subject } = await open(bed);
      const before = bed().now();
      await expect(here.request({ subject }, { timeoutMs: 60_000 })).rejects.toBeInstanceOf(RequestFailed);
      expect(bed().now() - before).toBeLessThan(5_000);
    });

    it("fails after its time limit when who listens does not answer", async () => {
      const { here, there, subject } = await open(bed);
      await serve(there, subject, () => []);
      const failed = expect(here.request({ subject }, { timeoutMs: 300 })).rejects.toBeInstanceOf(
        RequestFailed,
      );
      await bed().elapse(600);
      await failed;
    });

    it("can be given up by a signal", async () => {
      const { here, there, subject } = await open(bed);
      await serve(there, subject, () => []);
      const giveUp = new AbortController();
      const failed = expect(
        here.request({ subject }, { timeoutMs: 60_000, signal: giveUp.signal }),
      ).rejects.toThrow();
      giveUp.abort(new Error("given up"));
      await failed;
      await expect(here.request({ subject }, { timeoutMs: 60_000, signal: giveUp.signal })).rejects.toThrow();
    });
  });
}

function gathering(bed: GetBed): void {
  describe("gathering answers", () => {
    it("ends at the wanted number", async () => {
      const { here, there, subject } = await open(bed);
      await serve(there, subject, () => ["1", "2", "3"]);
      const answers = await here.gather({ subject }, { timeoutMs: 60_000, max: 2 });
      expect(texts(answers)).toEqual(["1", "2"]);
    });

    it("collects from many until no more come", async () => {
      const { here, there, subject } = await open(bed);
      await serve(there, subject, () => ["1", "2"]);
      await serve(here, subject, () => ["3"]);
      const gathered = here.gather({ subject }, { timeoutMs: 60_000, stallMs: 300 });
      await bed().settle();
      await bed().elapse(400);
      expect(texts(await gathered).sort()).toEqual(["1", "2", "3"]);
    });

    it("waits for the first answer longer than for the next", async () => {
      const { here, there, subject } = await open(bed);
      const asked = listen(there, subject);
      await there.flush();
      const gathered = here.gather({ subject }, { timeoutMs: 60_000, stallMs: 100 });
      const { reply = "" } = await asked.one();
      await bed().elapse(300);
      there.publish({ subject: reply, data: "late" });
      await bed().elapse(300);
      expect(texts(await gathered)).toEqual(["late"]);
    });

    it("ends at its time limit with what is there", async () => {
      const { here, there, subject } = await open(bed);
      await serve(there, subject, () => ["1"]);
      const gathered = here.gather({ subject }, { timeoutMs: 500 });
      await bed().elapse(800);
      expect(texts(await gathered)).toEqual(["1"]);
    });

    it("is an empty list at once when nobody listens", async () => {
      const { here, subject } = await open(bed);
      expect(await here.gather({ subject }, { timeoutMs: 60_000 })).toEqual([]);
    });

    it("is an empty list at the time limit when nobody answers", async () => {
      const { here, there, subject } = await open(bed);
      await serve(there, subject, () => []);
      const gathered = here.gather({ subject }, { timeoutMs: 300 });
      await bed().elapse(600);
      expect(await gathered).toEqual([]);
    });
  });
}

function capturedSubjects(bed: GetBed): void {
  describe("a core message on a stream's subject", () => {
    it("is stored, and still reaches those who listen", async () => {
      const scene = await openScene(bed());
      const box = listen(scene.broker, scene.subject("a"));
      scene.broker.publish({ subject: scene.subject("a"), data: "x", headers: { "Nats-Msg-Id": "id" } });
      scene.broker.publish({ subject: scene.subject("a"), data: "y", headers: { "Nats-Msg-Id": "id" } });
      expect(texts(await box.take(2))).toEqual(["x", "y"]);
      await bed().settle();
      expect(texts(await scene.contents())).toEqual(["x"]);
    });

    it("that is a request is answered by the server's acknowledgement, and its reply subject is not kept", async () => {
      const scene = await openScene(bed());
      const request = { subject: scene.subject("a"), data: "x", headers: { "Muster-Job": "j" } };
      const answer = await scene.broker.request(request, { timeoutMs: 2000 });
      expect(JSON.parse(text(answer))).toMatchObject({ stream: scene.stream, seq: 1 });
      const stored = await scene.broker.at(scene.stream, 1);
      expect(stored?.headers).toEqual({ "Muster-Job": "j" });
    });

    it("that is refused is answered with the error", async () => {
      const scene = await openScene(bed());
      await scene.fill(1);
      const headers = { "Nats-Expected-Last-Subject-Sequence": "0" };
      const answer = await scene.broker.request(
        { subject: scene.subject("a"), headers },
        { timeoutMs: 2000 },
      );
      expect(JSON.parse(text(answer))).toMatchObject({ error: { err_code: 10071 } });
    });
  });

  describe("a connection", () => {
    it("that is closed refuses what is asked of it, and may be closed twice", async () => {
      const scene = await openScene(bed());
      const broker = await bed().connect();
      const statuses = new Mailbox<string>();
      broker.onStatus((status) => statuses.put(status.type));
      await broker.close();
      await broker.close();
      expect(await statuses.one()).toBe("closed");
      await expect(broker.store({ subject: scene.subject("a") })).rejects.toBeInstanceOf(MusterError);
      await expect(broker.streamState(scene.stream)).rejects.toBeInstanceOf(MusterError);
      await expect(broker.request({ subject: "x" }, { timeoutMs: 500 })).rejects.toBeInstanceOf(MusterError);
      expect(await scene.count()).toBe(0);
    });

    it("sends what was published before it is closed", async () => {
      const { here, there, subject } = await open(bed);
      const box = listen(here, subject);
      await here.flush();
      there.publish({ subject, data: "last words" });
      await there.flush();
      await there.close();
      expect(text(await box.one())).toBe("last words");
    });

    it("has a name for people and a limit for messages", async () => {
      const { here } = await open(bed);
      expect(here.label.length).toBeGreaterThan(0);
      expect(here.maxPayload).toBeGreaterThanOrEqual(1024 * 1024);
    });
  });
}
