/** One chaos run, from the first server to the verdict. */
import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Dice } from "../sim/dice.ts";
import { Actors } from "./actors.ts";
import { Callers } from "./callers.ts";
import { check, type Verdict } from "./checker.ts";
import { collect, untilTidy } from "./collect.ts";
import { cpuSeconds } from "./cpu.ts";
import { type FaultName, Faults, type Tally, type Targets } from "./faults.ts";
import { History } from "./history.ts";
import type { Sizes } from "./job-plan.ts";
import { Proxies } from "./proxies.ts";
import { type Recovery, recoveriesIn } from "./recovery.ts";
import { growth, type Sample, takeSample } from "./samples.ts";
import { Servers } from "./servers.ts";

export interface CampaignPlan {
  seed: number;
  /** It ends after so many minutes, whatever was reached. */
  minutes: number;
  replicas: 1 | 3;
  faults: readonly FaultName[];
  /** It ends once these are reached; without them only the time counts. */
  targets?: Targets | undefined;
  /** How large its jobs are. */
  sizes: Sizes;
  /** Few jobs and few faults, so that how long recovery takes is not a matter of how much there is to do. */
  calm: boolean;
  leaseMs: number;
  /** Size of the servers' disks in MB; without it they share the machine's. */
  diskMb?: number | undefined;
  /** Compares what the fleet takes up before and after; nobody is killed then. */
  soak: boolean;
  say(line: string): void;
}

export interface CampaignReport {
  verdict: Verdict;
  /** Of a calm run: where there is much to do, what a dead worker held waits its turn. */
  recoveries: Recovery[] | undefined;
  /** What the fleet took up before and after, of a soak. */
  samples: [before: Sample, after: Sample] | undefined;
  tally: Tally;
  /** What was to be reached and was not, in the time that there was. */
  missing: readonly string[];
  seconds: number;
  cpuSeconds: number;
  /** Processes of actors that were started. */
  started: number;
  serverVersion: string;
}

const FLEET = { dispatcher: 3, aggregator: 3, worker: 4 } as const;
const CALLERS = 3;
/** Jobs that each caller has under way: three servers on one machine have three times the work with each message. */
const AT_ONCE = { 1: 5, 3: 2 } as const;
const AT_ONCE_CALM = 1;
/** Bytes of each MB of a small disk that the streams may take: the rest is for a filler to take. */
const STREAMS_SHARE = 512 * 1024;
const WARM_UP_MS = 60_000;
/** The server forgets readers that are gone after a minute; its runtime and Node's give memory back within some more. */
const SETTLED_MS = 300_000;
const SAY_MS = 10_000;

export async function runCampaign(plan: CampaignPlan): Promise<CampaignReport> {
  const folder = await mkdtemp(join(tmpdir(), "muster-chaos-"));
  const log = await open(join(folder, "actors.log"), "a");
  try {
    const campaign = new Campaign(plan, folder, log);
    const report = await campaign.run();
    if (report.verdict.violations.length === 0) await rm(folder, { recursive: true, force: true });
    else plan.say(`the history is kept in ${folder}`);
    return report;
  } finally {
    await log.close();
  }
}

class Campaign {
  readonly #plan: CampaignPlan;
  readonly #folder: string;
  readonly #log: FileHandle;
  readonly #history: History;
  readonly #dice: Dice;
  readonly #begun = Date.now();
  #nextJob = 0;

  constructor(plan: CampaignPlan, folder: string, log: FileHandle) {
    this.#plan = plan;
    this.#folder = folder;
    this.#log = log;
    this.#history = new History(join(folder, "main.jsonl"));
    this.#dice = new Dice(plan.seed);
  }

  async run(): Promise<CampaignReport> {
    const { replicas, diskMb, calm } = this.#plan;
    const servers = await Servers.start({ folder: this.#folder, count: replicas, diskMb });
    const proxies = await Proxies.start(servers.ports, this.#dice.fork("links"));
    const actors = this.#actors(proxies);
    try {
      await this.#startActors(actors);
      const before = await this.#settledSample({ servers, proxies, actors });
      const { tally, missing } = await this.#disturb({ servers, proxies, actors });
      const after = await this.#settledSample({ servers, proxies, actors });
      if (before !== undefined && after !== undefined)
        for (const thing of growth(before, after)) this.#history.write({ what: "left", thing });
      await this.#close({ servers, proxies, actors });
      return {
        verdict: await check(this.#folder),
        recoveries: calm ? await recoveriesIn(this.#folder) : undefined,
        samples: before === undefined || after === undefined ? undefined : [before, after],
        tally,
        missing,
        seconds: (Date.now() - this.#begun) / 1000,
        cpuSeconds: await cpuSeconds(),
        started: actors.started,
        serverVersion: servers.version,
      };
    } finally {
      actors.killAll();
      await proxies.stop();
      await servers.stop();
    }
  }

  #actors(proxies: Proxies): Actors {
    const { replicas, diskMb, leaseMs } = this.#plan;
    const pauses = this.#dice.fork("pauses");
    return new Actors({
      folder: this.#folder,
      history: this.#history,
      server: proxies.url,
      settings: {
        lease: leaseMs,
        replicas,
        ...(diskMb === undefined ? {} : { maxBytes: diskMb * STREAMS_SHARE }),
      },
      log: this.#log.fd,
      pauseMs: () => (pauses.chance(0.7) ? 0 : pauses.int(100, 1_500)),
    });
  }

  async #startActors(actors: Actors): Promise<void> {
    const started = (["dispatcher", "aggregator", "worker"] as const).flatMap((role) =>
      Array.from({ length: FLEET[role] }, () => actors.start(role)),
    );
    await Promise.all(started.map(({ begun }) => begun));
    for (const role of ["dispatcher", "aggregator", "worker"] as const) {
      const [first] = actors.of(role);
      if (first !== undefined) first.resident = true;
    }
  }

  /** What the fleet takes up when it has worked, and has nothing to do; undefined where that is not asked for. */
  async #settledSample({ servers, proxies, actors }: Fleet): Promise<Sample | undefined> {
    if (!this.#plan.soak) return undefined;
    const callers = this.#callers(proxies);
    await callers.start();
    await delay(WARM_UP_MS);
    await this.#finish(callers);
    await delay(SETTLED_MS);
    const residents = [...actors.all].filter(({ resident }) => resident);
    const processes = residents.map(({ id, child }) => ({ name: id, pid: child.pid ?? 0 }));
    const view = await servers.view();
    await untilTidy(view);
    const sample = await takeSample(view, [...servers.processes, ...processes]);
    await view.close();
    return sample;
  }

  #callers(proxies: Proxies): Callers {
    const firstJob = this.#nextJob;
    const dice = this.#dice.fork(`jobs from ${firstJob}`);
    const { replicas, sizes, calm } = this.#plan;
    const load = { callers: CALLERS, atOnce: calm ? AT_ONCE_CALM : AT_ONCE[replicas], sizes };
    return new Callers({ server: proxies.url, history: this.#history, dice, firstJob, ...load });
  }

  async #finish(callers: Callers): Promise<void> {
    await callers.finish();
    await callers.close();
    this.#nextJob = callers.nextJob;
  }

  /** Jobs, and faults beside them; then quiet, until all jobs are over. */
  async #disturb({ servers, proxies, actors }: Fleet): Promise<Faults> {
    const { minutes, say, faults: names, targets, replicas, calm, leaseMs } = this.#plan;
    const history = this.#history;
    const callers = this.#callers(proxies);
    await callers.start();
    const ground = { dice: this.#dice.fork("faults"), history, actors, proxies, servers, leaseMs };
    const faults = new Faults(ground, { names, targets, replicas, calm });
    const saying = setInterval(() => say(`${callers.nextJob} jobs; ${faults.summary()}`), SAY_MS);
    await faults.strikeUntil(Date.now() + minutes * 60_000);
    clearInterval(saying);
    proxies.healAll();
    say(`quiet; ${faults.summary()}; ${callers.underWay} jobs are under way`);
    await this.#finish(callers);
    return faults;
  }

  /** Lets the fleet tidy up, ends it in good order, and reads what the streams hold then. */
  async #close({ servers, proxies, actors }: Fleet): Promise<void> {
    const view = await servers.view();
    await untilTidy(view);
    for (const late of await actors.stop()) this.#history.write({ what: "left", thing: `process ${late}` });
    await collect(view, this.#history, this.#folder);
    await view.close();
    this.#history.write({ what: "meddled", ...proxies.meddled });
  }
}

interface Fleet {
  servers: Servers;
  proxies: Proxies;
  actors: Actors;
}
