/** `muster demo`: what muster does, shown from beginning to end on this machine. */
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { Client } from "../../actors/client.ts";
import { EPHEMERAL } from "../../bootstrap/embedded.ts";
import { joinFleet } from "../../bootstrap/node.ts";
import { exitCodeOfSignal, onStopSignals, type StopSignal } from "../../bootstrap/signals.ts";
import { bringUp, type Up } from "../../bootstrap/up.ts";
import { VERSION } from "../../bootstrap/version.ts";
import { systemClock } from "../../runtime/clock.ts";
import { Releasers } from "../../runtime/releasers.ts";
import { ENTRY } from "../actors/entry.ts";
import { tellSearch } from "../actors/search.ts";
import { tellUpEvent } from "../actors/up-events.ts";
import type { Shell } from "../shell.ts";
import { showDouble } from "./double.ts";
import { showLaw } from "./law.ts";
import { print, type Stage, seconds } from "./stage.ts";
import { showWordCount } from "./word-count.ts";

const HANDLERS = fileURLToPath(new URL("./handlers.js", import.meta.url));

const NEXT = `Everything was stopped again. Try next:
   npx muster up                                         a server and actors that keep running
   npx muster map primes --range 1:20000 --reduce sum    a job of your own, in another terminal
   npx muster worker --slots 2                           one more worker, at any time
`;

export function registerDemoCommand(program: Command, shell: Shell): void {
  program
    .command("demo")
    .description("Show what muster does: a server, actors and three jobs, all on this machine")
    .addHelpText("after", "\nIt keeps nothing, and stops all that it started.\n\nExample:\n  $ muster demo\n")
    .action(() => demo(shell));
}

async function demo(shell: Shell): Promise<void> {
  const controller = new AbortController();
  let signalled: StopSignal | undefined;
  const wish = (signal: StopSignal) => {
    signalled = signal;
    controller.abort(new Error(`ended by ${signal}`));
  };
  const off = onStopSignals({ stop: wish, abort: () => {} });
  try {
    await perform(shell, controller.signal);
    shell.stdout.write(NEXT);
  } catch (error) {
    if (signalled === undefined) throw error;
    shell.exitCode = exitCodeOfSignal(signalled);
  } finally {
    off();
  }
}

async function perform(shell: Shell, signal: AbortSignal): Promise<void> {
  const releasers = new Releasers();
  try {
    const stage = await setUp(shell, signal, releasers);
    await showDouble(stage);
    await showWordCount(stage);
    await showLaw(stage);
  } finally {
    await releasers.release();
  }
}

async function setUp(shell: Shell, signal: AbortSignal, releasers: Releasers): Promise<Stage> {
  print({ shell }, `muster ${VERSION}: the demonstration\n`);
  const begun = systemClock.now();
  const { env, cwd } = shell;
  const up = await bringUp({
    entry: ENTRY,
    env,
    cwd,
    broker: { type: "embedded", port: -1, data: EPHEMERAL, onStep: tellSearch({ stderr: shell.stdout }) },
    handlers: [HANDLERS],
    logLevel: "error",
    onEvent: tellUpEvent(shell),
    signal,
  });
  releasers.defer(() => (signal.aborted ? up.abort() : up.stop()));
  print(
    { shell },
    `${startedLine(up)} in ${seconds(systemClock.now() - begun)}, each a process of its own\n`,
  );
  const client = await join(up, releasers);
  return { shell, client, up, slots: up.counts.worker * up.slots, signal };
}

async function join({ connection }: Up, releasers: Releasers): Promise<Client> {
  const node = await joinFleet({ connection });
  releasers.defer(() => node.close());
  const client = new Client(node.context("client"));
  releasers.defer(() => client.stop());
  await client.start();
  return client;
}

function startedLine({ server, counts }: Up): string {
  const { worker } = counts;
  return `Started nats-server ${server?.located.version ?? ""}, a dispatcher, an aggregator and ${worker} worker${worker === 1 ? "" : "s"}`;
}
