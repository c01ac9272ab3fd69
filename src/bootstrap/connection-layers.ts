import type { NatsContext } from "./context.ts";
import type { Setting } from "./credentials.ts";
import type { Environment } from "./environment.ts";

/** What the command line, or a program, says about the connection; each goes before the environment and the context. */
export interface ConnectionFlags {
  /** Comma list of URLs. @default "nats://127.0.0.1:4222" */
  server?: string | undefined;
  /** Name or path of a context of the `nats` command line. @default `NATS_CONTEXT`, else the selected one */
  context?: string | undefined;
  /** Credentials file. */
  creds?: string | undefined;
  /** File with an nkey seed. */
  nkey?: string | undefined;
  /** Without a password it is a token. */
  user?: string | undefined;
  password?: string | undefined;
  token?: string | undefined;
  /** PEM file of the authorities to trust. */
  tlsca?: string | undefined;
  /** PEM file of the client's certificate; needs `tlskey`. */
  tlscert?: string | undefined;
  tlskey?: string | undefined;
  /** The first tokens of reply subjects. @default "_INBOX" */
  inboxPrefix?: string | undefined;
  /** JetStream domain. */
  jetstreamDomain?: string | undefined;
  /** What the server shows this connection as. @default "muster" */
  name?: string | undefined;
}

/** What can be said about a connection. */
export type Field =
  | "url"
  | "user"
  | "password"
  | "token"
  | "creds"
  | "nkey"
  | "jwt"
  | "seed"
  | "cert"
  | "key"
  | "ca"
  | "inboxPrefix"
  | "jetstreamDomain"
  | "jetstreamApiPrefix";

/** One place where settings come from. */
export interface Layer {
  source: "flag" | "env" | "context";
  settings: Partial<Record<Field, Setting>>;
}

/** What the flags say. */
export function flagLayer(flags: ConnectionFlags): Layer {
  const { server: url, tlsca: ca, tlscert: cert, tlskey: key } = flags;
  const { user, password, token, creds, nkey, inboxPrefix, jetstreamDomain } = flags;
  const settings = { user, password, token, creds, nkey, inboxPrefix, jetstreamDomain };
  const names = { url: "--server", ca: "--tlsca", cert: "--tlscert", key: "--tlskey" };
  return layer("flag", { ...settings, url, ca, cert, key }, (field) => lookUp(names, field) ?? `--${field}`);
}

/** What the `NATS_*` variables say. */
export function envLayer(env: Environment): Layer {
  const fields = [
    "url",
    "user",
    "password",
    "token",
    "creds",
    "nkey",
    "jwt",
    "seed",
    "cert",
    "key",
    "ca",
  ] as const;
  const variable = (field: string) => `NATS_${field.toUpperCase()}`;
  return layer("env", Object.fromEntries(fields.map((field) => [field, env[variable(field)]])), variable);
}

/** What a context file says. */
export function contextLayer(context: NatsContext): Layer {
  const { user_jwt: jwt, user_seed: seed, inbox_prefix: inboxPrefix, ...rest } = context.fields;
  const { jetstream_domain: jetstreamDomain, jetstream_api_prefix: jetstreamApiPrefix } = rest;
  const { url, user, password, token, creds, nkey, cert, key, ca } = rest;
  const settings = { url, user, password, token, creds, nkey, cert, key, ca, jwt, seed };
  const all = { ...settings, inboxPrefix, jetstreamDomain, jetstreamApiPrefix };
  return layer("context", all, (field) => `${context.file}: ${field}`);
}

/** A value that is empty is as good as not given, as in the `nats` command line. */
function layer(
  source: Layer["source"],
  given: Partial<Record<Field, string | undefined>>,
  originOf: (field: string) => string,
): Layer {
  const filled = Object.entries(given).filter(([, value]) => value !== undefined && value !== "");
  return {
    source,
    settings: Object.fromEntries(filled.map(([field, value]) => [field, { value, origin: originOf(field) }])),
  };
}

function lookUp(names: Readonly<Record<string, string>>, field: string): string | undefined {
  return names[field];
}

/** The setting of the first place that has it. */
export function pick(layers: readonly Layer[], field: Field): Setting | undefined {
  return layers.find(({ settings }) => settings[field] !== undefined)?.settings[field];
}

/** The values of several fields, without those that no place has. */
export function values<Key extends Field>(
  layers: readonly Layer[],
  fields: readonly Key[],
): Partial<Record<Key, string>> {
  const found: Partial<Record<Key, string>> = {};
  for (const field of fields) {
    const setting = pick(layers, field);
    if (setting !== undefined) found[field] = setting.value;
  }
  return found;
}
