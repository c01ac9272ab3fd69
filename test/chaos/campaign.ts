/** One chaos run, from the first server to the verdict. */
import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Dice } from "../sim/dice.ts";
import { Actors } from "./actors.ts";
import { Callers } from "./callers.ts";
import { check, type Verdict } from "./checker.ts";
import { collect, untilTidy } from "./collect.ts";
import { cpuSeconds } from "./cpu.ts";
import { type FaultName, Faults, type Tally, type Targets } from "./faults.ts";
import { History } from "./history.ts";
import { Proxies } from "./proxies.ts";
import { type Recovery, recoveriesIn } from "./recovery.ts";
import { Servers } from "./servers.ts";

export interface CampaignPlan {
  seed: number;
  /** It ends after so many minutes, whatever was reached. */
  minutes: number;
  replicas: 1 | 3;
  faults: readonly FaultName[];
  /** It ends once these are reached; without them only the time counts. */
  targets?: Targets | undefined;
  /** Size of the servers' disks in MB; without it they share the machine's. */
  diskMb?: number | undefined;
  say(line: string): void;
}

export interface CampaignReport {
  verdict: Verdict;
  recoveries: Recovery[];
  tally: Tally;
  /** What was to be reached and was not, in the time that there was. */
  missing: readonly string[];
  seconds: number;
  cpuSeconds: number;
  /** Processes of actors that were started. */
  started: number;
  serverVersion: string;
}

const FLEET = { dispatcher: 2, aggregator: 3, worker: 4 } as const;
const LEASE_MS = 1_000;
const CALLERS = { callers: 3, atOnce: 3 };
/** Bytes of each MB of a small disk that the streams may take: the rest is for a filler to take. */
const STREAMS_SHARE = 512 * 1024;
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

  constructor(plan: CampaignPlan, folder: string, log: FileHandle) {
    this.#plan = plan;
    this.#folder = folder;
    this.#log = log;
    this.#history = new History(join(folder, "main.jsonl"));
    this.#dice = new Dice(plan.seed);
  }

  async run(): Promise<CampaignReport> {
    const { replicas, diskMb } = this.#plan;
    const servers = await Servers.start({ folder: this.#folder, count: replicas, diskMb });
    const proxies = await Proxies.start(servers.ports, this.#dice.fork("links"));
    const actors = this.#actors(proxies);
    try {
      await this.#startActors(actors);
      const { tally, missing } = await this.#disturb({ servers, proxies, actors });
      await this.#close({ servers, proxies, actors });
      return {
        verdict: await check(this.#folder),
        recoveries: await recoveriesIn(this.#folder),
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
    const { replicas, diskMb } = this.#plan;
    const pauses = this.#dice.fork("pauses");
    return new Actors({
      folder: this.#folder,
      history: this.#history,
      server: proxies.url,
      settings: {
        lease: LEASE_MS,
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
  }

  /** Jobs, and faults beside them; then quiet, until all jobs are over. */
  async #disturb({ servers, proxies, actors }: Fleet): Promise<Faults> {
    const { minutes, say, faults: names, targets, replicas } = this.#plan;
    const history = this.#history;
    const callers = new Callers({ server: proxies.url, history, dice: this.#dice.fork("jobs"), ...CALLERS });
    await callers.start();
    const ground = { dice: this.#dice.fork("faults"), history, actors, proxies, servers, leaseMs: LEASE_MS };
    const faults = new Faults(ground, { names, targets, replicas });
    const saying = setInterval(() => say(`${callers.jobs} jobs; ${faults.summary()}`), SAY_MS);
    await faults.strikeUntil(this.#begun + minutes * 60_000);
    clearInterval(saying);
    proxies.healAll();
    say(`quiet; ${faults.summary()}; ${callers.underWay} jobs are under way`);
    await callers.finish();
    await callers.close();
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
