/** A project of docker-compose.yml, brought up under a name of its own beside whatever else runs. */

import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { run } from "./engine.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const SERVERS = ["nats-1", "nats-2", "nats-3"];

/** States of a job that nothing follows. */
const FINAL_STATES = ["succeeded", "failed", "cancelled", "expired"];

export function isFinal({ state }) {
  return FINAL_STATES.includes(state);
}

export class Fleet {
  #env;
  #signal;
  #project;

  constructor(project, signal) {
    this.#project = project;
    this.#signal = signal;
    // Port 0: any free one, since 4222 may be taken by someone's server.
    this.#env = { MUSTER_IMAGE: `${project}:local`, NATS_PORT: "0", COMPOSE_PROGRESS: "plain" };
  }

  /** Runs a compose command on this project. */
  compose(args, { limitMs = 30 * SECOND, signal = this.#signal, ...options } = {}) {
    const argv = ["docker", "compose", "--project-directory", ROOT, "--project-name", this.#project, ...args];
    return run(argv, { limitMs, signal, env: this.#env, ...options });
  }

  /** All actors run the same image, so it is built once. */
  build() {
    return this.compose(["build", "dispatcher"], { limitMs: 10 * MINUTE, echo: true });
  }

  up(workers) {
    const args = ["up", "--detach", "--no-build", "--wait", "--scale", `worker=${workers}`];
    return this.compose(args, { limitMs: 5 * MINUTE });
  }

  /** Takes everything down, with volumes and the image; works after an interrupt, too. */
  async down() {
    const signal = new AbortController().signal;
    await this.compose(["down", "--volumes", "--remove-orphans"], { limitMs: 3 * MINUTE, signal });
    await run(["docker", "image", "rm", this.#env.MUSTER_IMAGE], { limitMs: MINUTE }).catch(() => {});
  }

  /** Runs `muster …` in a container of a service; resolves with what it prints. */
  muster(service, args, options = {}) {
    return this.compose(["exec", "-T", service, "muster", ...args], options);
  }

  /** Resolves once so many actors have said in their log that they have started. */
  async started(actors) {
    await this.#until(`${actors} actors to have started`, async () => {
      const log = await this.compose(["logs", "--no-log-prefix", "dispatcher", "aggregator", "worker"]);
      return log.split('"event":"actor.started"').length - 1 >= actors;
    });
  }

  /** Resolves with the job's view once it has at least so many items, or has ended. */
  async reached(job, items) {
    let view;
    await this.#until(`${items} items`, async () => {
      view = await this.view(job);
      return isFinal(view) || view.items >= items;
    });
    return view;
  }

  /** How far a job is; not known while the part of the cluster that was asked is changing leaders. */
  async view(job) {
    const text = await this.muster("aggregator", ["status", job, "--json"]).catch(() => undefined);
    return text === undefined ? { state: "running", items: 0 } : JSON.parse(text);
  }

  /** The server that leads the stream: the one whose stop disturbs most. */
  async leaderOf(stream) {
    const url = "http://127.0.0.1:8222/jsz?accounts=true&streams=true";
    const text = await this.compose(["exec", "-T", SERVERS[0], "wget", "-q", "-O", "-", url]);
    const streams = JSON.parse(text).account_details.flatMap((account) => account.stream_detail);
    const leader = streams.find(({ name }) => name === stream)?.cluster.leader;
    if (!SERVERS.includes(leader)) throw new Error(`No server leads ${stream}: ${leader}.`);
    return leader;
  }

  stop(service) {
    return this.compose(["stop", service], { limitMs: MINUTE });
  }

  start(service) {
    return this.compose(["up", "--detach", "--no-build", "--no-recreate", "--no-deps", "--wait", service], {
      limitMs: 2 * MINUTE,
    });
  }

  /** Kills one container of a service with SIGKILL; resolves with its id. */
  async killOne(service) {
    const [id] = (await this.compose(["ps", "--quiet", service])).trim().split("\n");
    if (!id) throw new Error(`No container of ${service} runs.`);
    await run(["docker", "kill", id], { limitMs: MINUTE, signal: this.#signal });
    return id.slice(0, 12);
  }

  logs() {
    return this.compose(["logs", "--tail", "100"], { signal: new AbortController().signal });
  }

  async #until(what, holds, limitMs = 3 * MINUTE) {
    const deadline = Date.now() + limitMs;
    while (!(await holds())) {
      if (Date.now() > deadline) throw new Error(`Waited ${limitMs / SECOND} s for ${what}, in vain.`);
      await delay(SECOND / 2, undefined, { signal: this.#signal });
    }
  }
}
