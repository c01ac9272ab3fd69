/** The faults of a chaos run: what each does, how often it is wanted, and which may happen at the same time. */
import { setTimeout as delay } from "node:timers/promises";
import type { Dice } from "../sim/dice.ts";
import type { Actors } from "./actors.ts";
import type { History, Role } from "./history.ts";
import type { Link } from "./link.ts";
import { PointTally } from "./point-tally.ts";
import type { Proxies } from "./proxies.ts";
import type { Servers } from "./servers.ts";

/** Faults of one lane come one after the other, with a rest between them; the lanes run beside each other. */
type Lane = "workers" | "others" | "points" | "sleep" | "links" | "noise" | "servers";

export interface Ground {
  dice: Dice;
  history: History;
  actors: Actors;
  proxies: Proxies;
  servers: Servers;
  leaseMs: number;
  points: PointTally;
}

export interface Fault {
  lane: Lane;
  /** Does it, and undoes it; resolves with what it was done to, or undefined where there was nothing to do it to. */
  strike(ground: Ground): Promise<string | undefined>;
  /** It makes sense with so many servers only. */
  servers?: 1 | 3;
}

/** How many loops of a lane run beside each other, and how long each rests after a fault, in ms. */
const LANES: Record<Lane, { loops: number; restMs: number }> = {
  workers: { loops: 1, restMs: 600 },
  // There are few of them: killed faster than they take over, they would do nothing else.
  others: { loops: 1, restMs: 3_000 },
  // Nearly every actor is doomed: most live until they come to a point that is seldom passed.
  points: { loops: 9, restMs: 50 },
  sleep: { loops: 1, restMs: 2_000 },
  links: { loops: 1, restMs: 800 },
  noise: { loops: 6, restMs: 100 },
  servers: { loops: 1, restMs: 4_000 },
};

/** How long beyond the lease calm faults rest, in ms: what died is replaced by then, and what it held in other hands. */
const CALM_REST_MS = 4_000;

/** How long crash points may stay armed without being passed, in ms. */
const ARMED_MS = 8_000;

const kill = (role: Role): Fault => ({
  lane: role === "worker" ? "workers" : "others",
  strike: async ({ dice, actors }) => {
    const actor = oneOf(
      dice,
      actors.of(role).filter(({ free }) => free),
    );
    if (actor === undefined) return undefined;
    actor.kill("SIGKILL");
    await actor.ended;
    return actor.id;
  },
});

const onLink = (lane: Lane, disturb: (link: Link, ground: Ground) => Promise<void>): Fault => ({
  lane,
  strike: async (ground) => {
    const link = oneOf(ground.dice, ground.proxies.links);
    if (link === undefined) return undefined;
    await disturb(link, ground);
    link.heal();
    return link.name;
  },
});

const onServer = (strike: (server: string, ground: Ground) => Promise<void>, servers?: 1 | 3): Fault => ({
  lane: "servers",
  strike: async (ground) => {
    const server = ground.dice.pick(ground.servers.names);
    await strike(server, ground);
    return server;
  },
  ...(servers === undefined ? {} : { servers }),
});

const QUEUES = ["MUSTER_JOBS", "MUSTER_TASKS", "MUSTER_RESULTS", "MUSTER_OUTCOMES"] as const;

export const FAULTS = {
  "worker-kill": kill("worker"),
  "dispatcher-kill": kill("dispatcher"),
  "aggregator-kill": kill("aggregator"),
  /** An actor leaves in good order, and another joins. */
  leave: {
    lane: "others",
    strike: async ({ dice, actors }) => {
      const actor = oneOf(
        dice,
        [...actors.all].filter(({ free, resident }) => free && !resident),
      );
      if (actor === undefined) return undefined;
      actor.kill("SIGTERM");
      await actor.ended;
      return actor.id;
    },
  },
  "crash-point": { lane: "points", strike: crash },
  /** Stopped for longer than its leases, then woken: what it does then is late. */
  zombie: {
    lane: "sleep",
    strike: async ({ dice, actors, leaseMs }) => {
      const actor = oneOf(
        dice,
        [...actors.all].filter(({ free }) => free),
      );
      if (actor === undefined) return undefined;
      await actor.sleep(leaseMs * (1.3 + 1.5 * dice.next()));
      return actor.id;
    },
  },
  "link-cut": onLink("links", async (link) => link.cut()),
  "link-deaf": onLink("links", async (link, { dice, leaseMs }) => {
    link.deafen();
    await delay(leaseMs * (0.5 + 2 * dice.next()));
    if (dice.chance(0.5)) link.cut();
  }),
  "link-slow": onLink("links", async (link, { dice }) => {
    link.slow(dice.int(5, 150));
    await delay(1_500);
  }),
  "link-noisy": onLink("noise", async (link, { dice }) => {
    link.noisy({ repeated: 0.3, late: 0.3, lost: 0.05 });
    await delay(dice.int(1_000, 3_000));
  }),
  "server-kill": onServer(async (server, { dice, servers }) => {
    await servers.killAndRestart(server, dice.int(0, 600));
  }, 1),
  "leader-kill": {
    lane: "servers",
    servers: 3,
    strike: async ({ dice, servers }) => {
      const stream = dice.pick(QUEUES);
      const leader = await servers.leaderOf(stream);
      await servers.killAndRestart(leader, dice.int(200, 1_000));
      return `${leader}, leader of ${stream}`;
    },
  },
  "rolling-restart": {
    lane: "servers",
    servers: 3,
    strike: async ({ servers }) => {
      for (const name of servers.names) await servers.killAndRestart(name, 0, "SIGTERM");
      return "all servers";
    },
  },
  "disk-full": onServer(async (server, { servers, dice }) => {
    await servers.fillDisk(server, dice.int(300, 1_500));
  }, 1),
  "stream-full": {
    lane: "servers",
    strike: async ({ dice, servers }) => {
      const stream = dice.pick(QUEUES);
      const view = await servers.view();
      try {
        await view.limit(stream, () => delay(dice.int(500, 2_000)));
      } finally {
        await view.close();
      }
      return stream;
    },
  },
} as const satisfies Record<string, Fault>;

export type FaultName = keyof typeof FAULTS;
export const FAULT_NAMES = Object.keys(FAULTS) as FaultName[];

function oneOf<T>(dice: Dice, choices: readonly T[]): T | undefined {
  return choices.length === 0 ? undefined : dice.pick(choices);
}

/** Arms points that were struck least, and waits until the actor dies at one of them. */
async function crash({ dice, actors, points }: Ground): Promise<string | undefined> {
  const actor = oneOf(
    dice,
    [...actors.all].filter(({ free, doom, role }) => free && doom === undefined && points.wants(role)),
  );
  if (actor === undefined) return undefined;
  actor.arm({ points: points.next(actor.role, dice), passes: dice.int(1, 2) });
  const late = new AbortController();
  const overdue = delay(ARMED_MS, undefined, { signal: late.signal }).catch(() => undefined);
  await Promise.race([actor.ended, overdue]);
  late.abort();
  if (actor.alive) {
    actor.arm(undefined);
    return undefined;
  }
  const point = await actor.crashedAt();
  if (point === undefined) return undefined;
  points.note(point);
  return `${actor.id} at ${point}`;
}

/**
 * How often each fault is wanted: of `crash-point` each of the points, of `link-noisy` messages that it meddles with.
 * Faults that are not named here strike as long as others are wanted.
 */
export type Targets = Partial<Record<FaultName, number>>;

export interface FaultsOptions {
  names: readonly FaultName[];
  targets?: Targets | undefined;
  replicas: 1 | 3;
  /** Faults of a lane come one at a time, with a long rest in between. */
  calm: boolean;
}

/** What was done, and how often. */
export type Tally = ReadonlyMap<string, number>;

/** Strikes, lane by lane, until enough is done. */
export class Faults {
  readonly #struck = new Map<FaultName, number>();
  readonly #ground: Ground;
  readonly #names: readonly FaultName[];
  readonly #targets: Targets | undefined;
  readonly #calm: boolean;

  constructor(ground: Omit<Ground, "points">, { names, targets, replicas, calm }: FaultsOptions) {
    this.#ground = { ...ground, points: new PointTally(targets?.["crash-point"]) };
    this.#names = names.filter((name) => (faultOf(name).servers ?? replicas) === replicas);
    this.#targets = targets;
    this.#calm = calm;
  }

  /** Resolves when all targets are reached, or the time has come. */
  async strikeUntil(deadline: number): Promise<void> {
    const loops = (Object.keys(LANES) as Lane[]).flatMap((lane) => {
      const names = this.#names.filter((name) => faultOf(name).lane === lane);
      const { loops, restMs } = this.#pace(lane);
      return Array.from({ length: loops }, () => this.#loop(names, restMs, deadline));
    });
    await Promise.all(loops);
  }

  #pace(lane: Lane): { loops: number; restMs: number } {
    return this.#calm ? { loops: 1, restMs: this.#ground.leaseMs + CALM_REST_MS } : LANES[lane];
  }

  /** How often each fault struck, and each crash point; of `link-noisy`, how many messages were meddled with. */
  get tally(): Tally {
    const faults = this.#names.map((name) => [name, this.#countOf(name)] as const);
    return new Map<string, number>([...faults, ...this.#ground.points.tally]);
  }

  /** The faults whose targets were not reached, and the crash points that keep theirs from being. */
  get missing(): string[] {
    const names = this.#names.filter((name) => this.#targets?.[name] !== undefined && !this.#isReached(name));
    return names.flatMap((name) => (name === "crash-point" ? this.#ground.points.missing : [name]));
  }

  summary(): string {
    return this.#names.map((name) => `${name} ${this.#countOf(name)}`).join(", ");
  }

  async #loop(names: readonly FaultName[], restMs: number, deadline: number): Promise<void> {
    while (Date.now() < deadline && !this.#isOver()) {
      const wanted = names.filter((name) => this.#isWanted(name));
      if (wanted.length === 0) return;
      await this.#strike(this.#ground.dice.pick(this.#weighted(wanted)));
      await delay(restMs);
    }
  }

  async #strike(name: FaultName): Promise<void> {
    const begun = Date.now();
    const on = await faultOf(name).strike(this.#ground);
    if (on === undefined) return;
    this.#struck.set(name, (this.#struck.get(name) ?? 0) + 1);
    this.#ground.history.write({ what: "fault", fault: name, on, lasted: Date.now() - begun });
  }

  /** With targets: in proportion to what is missing. */
  #weighted(names: readonly FaultName[]): FaultName[] {
    const missing = (name: FaultName) => (this.#targets?.[name] ?? 1) - this.#countOf(name);
    const least = Math.max(1, Math.min(...names.map(missing)));
    return names.flatMap((name) =>
      Array<FaultName>(Math.max(1, Math.round(missing(name) / least))).fill(name),
    );
  }

  #isOver(): boolean {
    if (this.#targets === undefined) return false;
    return this.#names.every((name) => this.#targets?.[name] === undefined || this.#isReached(name));
  }

  /** What is going to die at crash points need not be killed besides. */
  #isWanted(name: FaultName): boolean {
    const target = this.#targets?.[name];
    if (target === undefined || name === "crash-point") return !this.#isReached(name);
    return this.#countOf(name) + this.#deathsToCome(name) < target;
  }

  #deathsToCome(name: FaultName): number {
    const role = KILLED[name];
    const areSure = this.#names.includes("crash-point") && this.#targets?.["crash-point"] !== undefined;
    return role !== undefined && areSure ? this.#ground.points.deathsToCome(role) : 0;
  }

  #isReached(name: FaultName): boolean {
    const target = this.#targets?.[name];
    if (target === undefined) return false;
    return name === "crash-point" ? this.#ground.points.isReached : this.#countOf(name) >= target;
  }

  #countOf(name: FaultName): number {
    const { proxies, points } = this.#ground;
    const struck = this.#struck.get(name) ?? 0;
    // A death at a crash point is a SIGKILL like any other.
    const role = KILLED[name];
    if (role !== undefined) return struck + points.deathsOf(role);
    return name === "link-noisy"
      ? Object.values(proxies.meddled).reduce((sum, count) => sum + count, 0)
      : struck;
  }
}

const KILLED: Partial<Record<FaultName, Role>> = {
  "worker-kill": "worker",
  "dispatcher-kill": "dispatcher",
  "aggregator-kill": "aggregator",
};

function faultOf(name: FaultName): Fault {
  return FAULTS[name];
}
