/** Who waits for a job hears of its end, also when it was cancelled. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Fleet, type ServerOnDisk, serverOnDisk } from "../support/fleet.ts";

describe("a caller whose job is cancelled", () => {
  let server: ServerOnDisk;
  let fleet: Fleet;

  beforeAll(async () => {
    server = await serverOnDisk();
    fleet = await Fleet.join(server.url);
    await fleet.startAll();
  });
  afterAll(async () => {
    await fleet?.stop();
    await server?.remove();
  });

  /** Resolves with the id of the job whose task lies in the queue, as soon as one does. */
  async function queued(): Promise<string> {
    for (;;) {
      const task = await fleet.node.broker.last("MUSTER_TASKS", "muster.tasks.*.*.*");
      if (task !== undefined) return fleet.node.context("test").names.lastToken(task.subject);
    }
  }

  it.each([
    ["that a dispatcher holds", "[60000,60000]"],
    ["that is a single task", "[60000]"],
  ])("hears of it at once, for a job %s", async (_, body) => {
    const answer = fleet.node.broker.request(
      { subject: "muster.run.sleep", data: body },
      { timeoutMs: 10_000 },
    );
    await fleet.client.cancel(await queued());
    const { data, headers } = await answer;
    expect(JSON.parse(Buffer.from(data).toString()).error.code).toBe("job_cancelled");
    expect(headers["Nats-Service-Error-Code"]).toBe("499");
  });

  it("hears of it as the last message of a watch, before the empty one", async () => {
    const { broker } = fleet.node;
    const seen: string[] = [];
    const ended = new Promise<void>((resolve) => {
      const inbox = broker.inbox();
      broker.subscribe(inbox, ({ data }) => {
        seen.push(Buffer.from(data).toString());
        if (data.length === 0) resolve();
      });
      broker.publish({ subject: "muster.watch.sleep", data: "[60000,60000]", reply: inbox });
    });
    await fleet.client.cancel(await queued());
    await ended;
    expect(seen.at(-1)).toBe("");
    expect(JSON.parse(seen.at(-2) ?? "{}").error?.code).toBe("job_cancelled");
  });
});
