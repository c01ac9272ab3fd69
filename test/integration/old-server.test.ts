/** A nats-server that is too old: refused in a clear sentence, wherever it turns up. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { locateServer } from "../../src/bootstrap/server/locate.ts";
import { connectJetStream } from "../../src/broker/jetstream/index.ts";
import { BrokerTooOld } from "../../src/errors.ts";
import { cliProcess } from "../support/cli.ts";

const path = process.env.MUSTER_OLD_NATS_SERVER;
const why = path === undefined ? " (skipped: MUSTER_OLD_NATS_SERVER names none; .ci/run fetches one)" : "";

describe.skipIf(path === undefined)(`a real nats-server that is too old${why}`, () => {
  let folder: string;
  let server: ChildProcess;
  let url: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "muster-old-"));
    const args = ["-a", "127.0.0.1", "-p", "-1", "-js", "-sd", join(folder, "store")];
    server = spawn(path ?? "", args, { stdio: ["ignore", "ignore", "pipe"] });
    url = await urlIn(server);
  });
  afterAll(async () => {
    const exited = new Promise((resolve) => server?.once("exit", resolve));
    server?.kill("SIGKILL");
    await exited;
    await rm(folder, { recursive: true, force: true });
  });

  it("is refused when connecting", async () => {
    await expect(connectJetStream({ servers: [url] })).rejects.toThrow(BrokerTooOld);
    await expect(connectJetStream({ servers: [url] })).rejects.toThrow(
      /nats-server 2\.\d+\.\d+ is too old: muster needs 2\.12\.15/,
    );
  });

  it("is refused when it is to be started", async () => {
    const located = locateServer({ env: { MUSTER_NATS_SERVER: path }, allowInstall: false });
    await expect(located).rejects.toThrow(BrokerTooOld);
  });

  it("ends a worker with exit code 3", async () => {
    const { code, stderr } = await cliProcess(["worker"], url).ended;
    expect(code).toBe(3);
    expect(stderr).toMatch(/too old/);
  });
});

/** Its log tells the port that it took, and then that it is ready. */
function urlIn(server: ChildProcess): Promise<string> {
  let log = "";
  return new Promise((resolve) => {
    server.stderr?.on("data", (chunk: Buffer) => {
      log += chunk.toString();
      const port = /Listening for client connections on 127\.0\.0\.1:(\d+)/.exec(log)?.[1];
      if (port !== undefined && log.includes("Server is ready")) resolve(`nats://127.0.0.1:${port}`);
    });
  });
}
