/** A nats-server of its own for a test: on a free port, with a store that lives as long as the test. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { launchServer } from "../../src/bootstrap/server/launch.ts";

export interface RealServer {
  readonly port: number;
  /** Ends it with `signal` and starts it again on the same port and store. */
  restart(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
  /** Ends it and removes its store. */
  stop(): Promise<void>;
}

export async function startServer(path: string): Promise<RealServer> {
  const storeDir = await mkdtemp(join(tmpdir(), "muster-test-"));
  let running = await launchServer({ path, storeDir });
  const { port } = running;
  return {
    port,
    restart: async (signal) => {
      await running.stop(signal);
      running = await launchServer({ path, storeDir, port });
    },
    stop: async () => {
      await running.stop();
      await rm(storeDir, { recursive: true, force: true });
    },
  };
}
