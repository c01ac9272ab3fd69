/**
 * What all actors of a fleet must agree on. The first actor writes it into the lease bucket, the others read it there:
 * a worker started with other words in its command line must not change the leases of everyone else.
 */
import { z } from "zod";
import type { Broker, BucketEntry } from "../broker/port.ts";
import type { TopologyOptions } from "../broker/topology.ts";
import { BrokerRefused, InvalidConfig, WriteConflict } from "../errors.ts";
import { COMPRESSIONS } from "../protocol/compression.ts";
import { parseDuration } from "../protocol/duration.ts";
import type { Names } from "../protocol/names.ts";

const ms = (least: number) =>
  z.union([z.number(), z.string()]).transform((value, context) => {
    const parsed = parseDuration(value);
    if (parsed !== undefined && parsed >= least) return parsed;
    context.addIssue(
      `"${value}" is not a duration of at least ${least} ms: write 10s, 500ms or milliseconds`,
    );
    return z.NEVER;
  });

export const FLEET_SETTINGS = z.strictObject({
  partitions: z.coerce.number().int().min(1).max(256).default(8).meta({
    description:
      "Parts of the results, each gathered by one aggregator at a time; as many aggregators can share the work.",
  }),
  lease: ms(1_000).default(10_000).meta({
    description: "How long a task may go without a sign of life before it runs elsewhere; at least 1 s.",
  }),
  replicas: z.coerce.number().int().min(1).max(5).default(1).meta({
    description: "Copies of every stream in a NATS cluster; 3 survives the loss of a server and of power.",
  }),
  storage: z.enum(["file", "memory"]).default("file").meta({
    description: "Where streams are kept; `memory` loses everything with the server.",
  }),
  maxBytes: z.coerce
    .number()
    .int()
    .min(64 * 1024 * 1024)
    .default(4 * 1024 ** 3)
    .meta({
      description:
        "Bytes that all streams and buckets together may take; at its limit a stream refuses, and senders wait.",
    }),
  outcomeTtl: ms(1_000)
    .default(24 * 3_600_000)
    .meta({ description: "How long outcomes are kept." }),
  compression: z.enum(COMPRESSIONS).default("none").meta({
    description:
      "How bodies of tasks, results and jobs of 64 KiB or more are stored, where that makes them smaller; `gzip` takes CPU to save room and network.",
  }),
});

export type FleetSettings = z.output<typeof FLEET_SETTINGS>;
export type FleetSettingsInput = z.input<typeof FLEET_SETTINGS>;

const KEY = "settings";
const LEASE_BUCKET = { ttlMs: 0 } as const;

/** @throws InvalidConfig that names the setting */
export function parseFleetSettings(raw: FleetSettingsInput): FleetSettings {
  const parsed = FLEET_SETTINGS.safeParse(raw);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new InvalidConfig(`Setting "${String(issue?.path[0] ?? "?")}": ${issue?.message ?? "not valid"}.`);
}

/** Reads the settings of a fleet as they stand in the bucket. @throws InvalidConfig */
export function decodeFleetSettings(text: string): FleetSettings {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new InvalidConfig("The fleet's settings in the bucket of leases are not JSON.", { cause });
  }
  return parseFleetSettings(value as FleetSettingsInput);
}

/**
 * The settings in force: those in the bucket, or `asked` where there are none yet. What is asked for expressly must agree
 * with what is in force, unless `reconfigure` writes it anew.
 * @throws InvalidConfig when it does not agree
 */
export async function agreeOnSettings(
  { broker, names }: { broker: Broker; names: Names },
  asked: FleetSettingsInput,
  reconfigure: boolean,
): Promise<FleetSettings> {
  const wanted = parseFleetSettings(asked);
  const { replicas, storage } = wanted;
  const buckets = [{ name: names.leases, replicas, storage, ...LEASE_BUCKET }];
  const bucket = await openLeases(broker, names, buckets);
  const entry = await bucket.get(KEY);
  if (entry === undefined)
    return await writeFirst(bucket, wanted, () => agreeOnSettings({ broker, names }, asked, reconfigure));
  const inForce = decodeFleetSettings(entry.value);
  const different = differing(inForce, wanted, asked);
  if (different === undefined) return inForce;
  if (!reconfigure) throw disagreement(different, inForce, wanted);
  const merged = { ...inForce, ...expressly(wanted, asked) };
  await bucket.update(KEY, JSON.stringify(merged), entry.revision);
  return merged;
}

/** The settings that the fleet runs with; undefined where there is no fleet yet. */
export async function settingsInForce({
  broker,
  names,
}: {
  broker: Broker;
  names: Names;
}): Promise<FleetSettings | undefined> {
  const entry = await readSettings(broker, names);
  return entry === undefined ? undefined : decodeFleetSettings(entry.value);
}

async function readSettings(broker: Broker, names: Names): Promise<BucketEntry | undefined> {
  try {
    return await (await broker.bucket(names.leases)).get(KEY);
  } catch (error) {
    // Without a bucket there are no settings; a stream of the bucket's name is missing then.
    if (error instanceof BrokerRefused) return undefined;
    throw error;
  }
}

type LeaseBuckets = Parameters<Broker["ensure"]>[0]["buckets"];

/** Opens the bucket, and makes it only where it is missing: a worker need not be allowed to. */
async function openLeases(broker: Broker, names: Names, buckets: LeaseBuckets) {
  try {
    const bucket = await broker.bucket(names.leases);
    await bucket.get(KEY);
    return bucket;
  } catch {
    await broker.ensure({ streams: [], consumers: [], buckets, objectBuckets: [] });
    return await broker.bucket(names.leases);
  }
}

async function writeFirst(
  bucket: Awaited<ReturnType<Broker["bucket"]>>,
  settings: FleetSettings,
  readAgain: () => Promise<FleetSettings>,
): Promise<FleetSettings> {
  try {
    await bucket.create(KEY, JSON.stringify(settings));
    return settings;
  } catch (error) {
    if (error instanceof WriteConflict) return await readAgain();
    throw error;
  }
}

type SettingName = keyof FleetSettings;

function expressly(wanted: FleetSettings, asked: FleetSettingsInput): Partial<FleetSettings> {
  const names = (Object.keys(asked) as SettingName[]).filter((name) => asked[name] !== undefined);
  return Object.fromEntries(names.map((name) => [name, wanted[name]]));
}

function differing(
  inForce: FleetSettings,
  wanted: FleetSettings,
  asked: FleetSettingsInput,
): SettingName | undefined {
  const names = Object.keys(expressly(wanted, asked)) as SettingName[];
  return names.find((name) => wanted[name] !== inForce[name]);
}

function disagreement(name: SettingName, inForce: FleetSettings, wanted: FleetSettings): InvalidConfig {
  return new InvalidConfig(
    `Setting "${name}" is ${inForce[name]} for this fleet, and ${wanted[name]} was asked for. Leave it out, or add --reconfigure to change it for all (stop the other actors first).`,
  );
}

export function topologyOptions(names: Names, settings: FleetSettings): TopologyOptions {
  const { replicas, storage, lease, maxBytes, outcomeTtl } = settings;
  return {
    names,
    replicas,
    storage,
    leaseMs: lease,
    // Jobs and partitions are taken over sooner than tasks, so that what waits for them need not wait twice.
    jobLeaseMs: Math.max(600, Math.round(lease * 0.6)),
    maxBytes,
    outcomeTtlMs: outcomeTtl,
  };
}
