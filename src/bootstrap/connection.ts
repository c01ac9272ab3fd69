import { access, constants } from "node:fs/promises";
import type { NodeConnectionOptions } from "nats";
import { InvalidConfig, messageOf } from "../errors.ts";
import {
  type ConnectionFlags,
  contextLayer,
  envLayer,
  flagLayer,
  type Layer,
  pick,
  values,
} from "./connection-layers.ts";
import { type NatsContext, readContext } from "./context.ts";
import { credsFrom, filePath, jwtFrom, literal, nkeyFrom, type Setting } from "./credentials.ts";
import type { Environment } from "./environment.ts";
import { parseServers, type ServerList } from "./servers.ts";

const DEFAULT_SERVER = "nats://127.0.0.1:4222";

/** How muster stays connected. The library's own values give up after 20 s and notice a dead link after minutes. */
const STAYING_CONNECTED = {
  maxReconnectAttempts: -1,
  /** In ms, with as much again at random, so that a fleet does not come back all at once. */
  reconnectTimeWait: 250,
  reconnectJitter: 250,
  reconnectJitterTLS: 250,
  /** In ms; a dead link is noticed after three of these. */
  pingInterval: 10_000,
  maxPingOut: 2,
  /** Traces of where each request began cost a third of what a publish costs. */
  noAsyncTraces: true,
} as const satisfies NodeConnectionOptions;

export type { ConnectionFlags };

/** How to connect, ready for `connect()` of `nats`. */
export interface ConnectionSettings {
  /** Without names or passwords. */
  servers: string[];
  options: NodeConnectionOptions;
  /** For people: the servers, and the context if one was read. Holds no secret. */
  label: string;
  /** Where the servers' addresses come from. */
  source: "flag" | "env" | "context" | "default";
  inboxPrefix?: string;
  jetstreamDomain?: string;
  /** Instead of `$JS.API`, where the account imports JetStream under another subject. */
  jetstreamApiPrefix?: string;
}

/**
 * Says how to connect to NATS: flags go before `NATS_*` variables, these before the context, field by field as in the
 * `nats` command line. Of the ways to sign in, the one of the first place that names any is taken, so that a flag is
 * never overruled by a context. Throws {@link InvalidConfig} that names the flag, variable or file at fault.
 *
 * @example
 * import { resolveConnection } from "muster/actors";
 *
 * const { servers } = await resolveConnection({ server: "nats://10.0.0.1" }, process.env);
 * console.log(servers); // ["nats://10.0.0.1"]
 */
export async function resolveConnection(
  flags: ConnectionFlags,
  env: Environment,
): Promise<ConnectionSettings> {
  const context = await readContext(flags.context, env);
  const places = [flagLayer(flags), envLayer(env), ...(context === undefined ? [] : [contextLayer(context)])];
  const named = places.find(({ settings }) => settings.url !== undefined);
  const list = parseServers(named?.settings.url ?? { value: DEFAULT_SERVER, origin: "default" });
  const layers = places.map((place) => (place === named ? signedInByUrl(place, list) : place));
  const tls = await tlsOptions(layers, list.tls, context?.tlsFirst ?? false);
  const inboxPrefix = pick(layers, "inboxPrefix")?.value;
  const options: NodeConnectionOptions = {
    ...STAYING_CONNECTED,
    servers: list.servers,
    name: flags.name ?? "muster",
    ...signIn(layers, env),
    ...(tls === undefined ? {} : { tls }),
    ...(inboxPrefix === undefined ? {} : { inboxPrefix }),
  };
  return {
    servers: list.servers,
    options,
    label: labelOf(list, context),
    source: named?.source ?? "default",
    ...values(layers, ["inboxPrefix", "jetstreamDomain", "jetstreamApiPrefix"]),
  };
}

function labelOf(list: ServerList, context: NatsContext | undefined): string {
  const servers = list.servers.join(", ");
  return context === undefined ? servers : `${servers} (context ${context.name})`;
}

// ── signing in ─────────────────────────────────────────────────────────────────────────────────────────────────

type SignIn = Pick<NodeConnectionOptions, "user" | "pass" | "token" | "authenticator">;

/** Who connects may stand in the URL; that goes before what else the same place says. */
function signedInByUrl(named: Layer, list: ServerList): Layer {
  const origin = named.settings.url?.origin ?? "";
  const settings = { ...named.settings };
  for (const field of ["user", "password", "token"] as const) {
    const value = list[field];
    if (value !== undefined) settings[field] = { value, origin };
  }
  return { ...named, settings };
}

function signIn(layers: readonly Layer[], env: Environment): SignIn {
  const ways = ["user", "token", "creds", "nkey", "jwt"] as const;
  const chosen = layers.find(({ settings }) => ways.some((way) => settings[way] !== undefined));
  if (chosen === undefined) return {};
  const { user, token, creds, nkey, jwt, seed } = chosen.settings;
  const tokenPart = token === undefined ? {} : { token: literal(token, env) };
  if (user !== undefined) return { ...tokenPart, ...byUser(user, passwordFor(chosen, layers), chosen, env) };
  if (creds !== undefined) return { ...tokenPart, authenticator: credsFrom(creds, env) };
  if (nkey !== undefined) return { ...tokenPart, authenticator: nkeyFrom(nkey, env) };
  if (jwt !== undefined) return { ...tokenPart, authenticator: jwtFrom(jwt, seed, env) };
  return tokenPart;
}

/** A context's password belongs to the context's user alone. */
function passwordFor(chosen: Layer, layers: readonly Layer[]): Setting | undefined {
  const from = chosen.source === "context" ? layers : layers.filter(({ source }) => source !== "context");
  return pick(from, "password");
}

function byUser(user: Setting, password: Setting | undefined, chosen: Layer, env: Environment): SignIn {
  if (password !== undefined) return { user: user.value, pass: literal(password, env) };
  // In a context file the two are told apart already: there a user may have an empty password.
  return chosen.source === "context" ? { user: user.value, pass: "" } : { token: user.value };
}

// ── TLS ────────────────────────────────────────────────────────────────────────────────────────────────────────

async function tlsOptions(
  layers: readonly Layer[],
  wanted: boolean,
  first: boolean,
): Promise<NonNullable<NodeConnectionOptions["tls"]> | undefined> {
  const caFile = await readable(pick(layers, "ca"));
  const certFile = await readable(pick(layers, "cert"));
  const keyFile = await readable(pick(layers, "key"));
  if ((certFile === undefined) !== (keyFile === undefined)) {
    const given = pick(layers, "cert") ?? pick(layers, "key");
    throw new InvalidConfig(
      `${given?.origin}: a client certificate needs its key, and the key its certificate.`,
    );
  }
  if (!wanted && !first && caFile === undefined && certFile === undefined) return undefined;
  return {
    ...(caFile === undefined ? {} : { caFile }),
    ...(certFile === undefined ? {} : { certFile }),
    ...(keyFile === undefined ? {} : { keyFile }),
    ...(first ? { handshakeFirst: true } : {}),
  };
}

async function readable(setting: Setting | undefined): Promise<string | undefined> {
  if (setting === undefined) return undefined;
  const path = filePath(setting.value);
  try {
    await access(path, constants.R_OK);
  } catch (cause) {
    throw new InvalidConfig(`${setting.origin}: ${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
  return path;
}
