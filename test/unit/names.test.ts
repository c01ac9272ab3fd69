import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InvalidName } from "../../src/errors.ts";
import {
  checkToken,
  HEADER,
  isToken,
  Names,
  PRIORITIES,
  partitionOf,
  STREAM_ROLES,
} from "../../src/protocol/names.ts";

const token = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);
const names = new Names();

describe("tokens", () => {
  it.each(["a", "A-b_9", "x".repeat(64), "-", "0"])("take %j", (value) => {
    expect(checkToken("kind", value)).toBe(value);
  });

  it.each(["", "x".repeat(65), "a.b", "a b", "*", ">", "a\n", "\na", "ä", "a\u0000", "a/b", "𝒳", "%20"])(
    "refuse %j",
    (value) => {
      expect(isToken(value)).toBe(false);
      expect(() => checkToken("kind", value)).toThrow(InvalidName);
      expect(() => new Names(value)).toThrow(InvalidName);
    },
  );
});

describe("names", () => {
  it("are the subjects of the contract", () => {
    const address = { kind: "double", priority: "high", job: "j1" } as const;
    expect({
      jobs: names.jobs("double"),
      run: names.submission("run", "double"),
      submit: names.submission("submit", "double"),
      watch: names.submission("watch", "double"),
      verb: names.jobVerb("cancel"),
      task: names.task(address),
      cursor: names.cursor("j1"),
      result: names.result(3, "j1"),
      outcome: names.outcome("j1"),
      position: names.checkpoint(3),
      checkpoint: names.jobCheckpoint(3, "j1"),
      event: names.event("accepted", "j1"),
      dead: names.dead("double", "j1"),
      control: names.control("progress"),
    }).toEqual({
      jobs: "muster.jobs.double",
      run: "muster.run.double",
      submit: "muster.submit.double",
      watch: "muster.watch.double",
      verb: "muster.job.cancel",
      task: "muster.tasks.double.high.j1",
      cursor: "muster.cursors.j1",
      result: "muster.results.3.j1",
      outcome: "muster.outcomes.j1",
      position: "muster.checkpoints.3",
      checkpoint: "muster.checkpoints.3.j1",
      event: "muster.events.accepted.j1",
      dead: "muster.dead.double.j1",
      control: "muster.control.progress",
    });
  });

  it("are the streams and buckets of the contract, under any prefix", () => {
    expect(STREAM_ROLES.map((role) => names.stream(role))).toEqual([
      "MUSTER_JOBS",
      "MUSTER_TASKS",
      "MUSTER_RESULTS",
      "MUSTER_OUTCOMES",
      "MUSTER_EVENTS",
      "MUSTER_DEAD",
    ]);
    expect([names.outputs, names.inputs, names.leases]).toEqual([
      "MUSTER_OUTPUTS",
      "MUSTER_INPUTS",
      "MUSTER_LEASES",
    ]);
    expect(new Names("my-team").stream("jobs")).toBe("MY_TEAM_JOBS");
    expect(new Names("my-team").jobs("x")).toBe("my-team.jobs.x");
  });

  it("find kind, priority and job in a task's subject", () => {
    fc.assert(
      fc.property(token, token, token, fc.constantFrom(...PRIORITIES), (prefix, kind, job, priority) => {
        const those = new Names(prefix);
        const subject = those.task({ kind, priority, job });
        expect(those.parseTask(subject)).toEqual({ kind, priority, job });
        expect(those.lastToken(subject)).toBe(job);
        expect(subject.split(".")).toHaveLength(5);
      }),
    );
  });

  it("have filters that match exactly what they are for", () => {
    const matches = (filter: string, subject: string) => {
      const tokens = subject.split(".");
      const wanted = filter.split(".");
      return (
        tokens.length === wanted.length && wanted.every((each, at) => each === "*" || each === tokens[at])
      );
    };
    fc.assert(
      fc.property(token, token, token, (kind, job, other) => {
        fc.pre(job !== other && kind !== other);
        const subject = names.task({ kind, priority: "low", job });
        expect(matches(names.taskFilter(kind, "low"), subject)).toBe(true);
        expect(matches(names.taskFilter(kind, "high"), subject)).toBe(false);
        expect(matches(names.taskFilter(other, "low"), subject)).toBe(false);
        expect(matches(names.tasksOf(job), subject)).toBe(true);
        expect(matches(names.tasksOf(other), subject)).toBe(false);
        expect(matches(names.tasksOf(job), names.cursor(job))).toBe(false);
        expect(matches(names.resultFilter(1), names.result(1, job))).toBe(true);
        expect(matches(names.resultFilter(1), names.result(11, job))).toBe(false);
        expect(matches(names.jobCheckpoint(1, "*"), names.checkpoint(1))).toBe(false);
      }),
    );
  });

  it("give every kind and priority a consumer of its own", () => {
    fc.assert(
      fc.property(
        token,
        token,
        fc.constantFrom(...PRIORITIES),
        fc.constantFrom(...PRIORITIES),
        (a, b, p, q) => {
          if (a === b && p === q) return;
          expect(names.taskConsumer(a, p)).not.toBe(names.taskConsumer(b, q));
        },
      ),
    );
    expect(new Set(PRIORITIES.map((priority) => names.taskConsumer("a", priority))).size).toBe(3);
    expect(names.taskConsumer("a_high", "low")).not.toBe(names.taskConsumer("a", "high"));
  });
});

describe("headers", () => {
  it("are spelt as the NATS server hands them out, each once", () => {
    const all = Object.values(HEADER);
    expect(new Set(all.map((name) => name.toLowerCase())).size).toBe(all.length);
    for (const name of all) expect(name).toMatch(/^(?:Muster|Nats|Content)(?:-[A-Z][A-Za-z]*)+$/);
  });
});

describe("the partition of a job", () => {
  it("is FNV-1a of its id, the same for ever: a job must not move to another partition with an update", () => {
    expect(["", "a", "foobar"].map((job) => partitionOf(job, 2 ** 32))).toEqual([
      0x811c9dc5, 0xe40c292c, 0xbf9cf968,
    ]);
    expect(partitionOf("foobar", 8)).toBe(0xbf9cf968 % 8);
  });

  it("is one of the partitions, and spreads jobs evenly", () => {
    fc.assert(
      fc.property(token, fc.integer({ min: 1, max: 64 }), (job, partitions) => {
        const partition = partitionOf(job, partitions);
        expect(Number.isInteger(partition) && partition >= 0 && partition < partitions).toBe(true);
      }),
    );
    const counts = Array<number>(8).fill(0);
    for (let at = 0; at < 8_000; at++) {
      const partition = partitionOf(`mr2x${at.toString(36)}-q`, 8);
      counts[partition] = (counts[partition] ?? 0) + 1;
    }
    expect(Math.min(...counts)).toBeGreaterThan(800);
    expect(Math.max(...counts)).toBeLessThan(1_200);
  });
});
