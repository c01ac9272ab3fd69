import { access, readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { z } from "zod";
import { InvalidConfig, messageOf } from "../errors.ts";
import type { Environment } from "./environment.ts";

const text = z.string().nullish();

/** The fields of a context file, as the `nats` command line writes them. What muster does not use is let be. */
const contextFile = z.looseObject({
  url: text,
  user: text,
  password: text,
  token: text,
  creds: text,
  nkey: text,
  user_jwt: text,
  user_seed: text,
  cert: text,
  key: text,
  ca: text,
  inbox_prefix: text,
  jetstream_domain: text,
  jetstream_api_prefix: text,
  tls_first: z.boolean().nullish(),
  socks_proxy: text,
  nsc: text,
  windows_cert_store: text,
});

type ContextFile = z.infer<typeof contextFile>;
type TextField = Exclude<keyof ContextFile & string, "tls_first">;

/** Fields that name files: in these `~` and `$VAR` are expanded. */
const PATH_FIELDS = ["creds", "nkey", "cert", "key", "ca"] as const;
/** Fields that change how one connects, and that muster cannot follow. */
const UNSUPPORTED = ["socks_proxy", "nsc", "windows_cert_store"] as const;

/** A context of the `nats` command line, with its paths expanded. */
export interface NatsContext {
  name: string;
  file: string;
  fields: Readonly<Partial<Record<TextField, string>>>;
  tlsFirst: boolean;
}

/**
 * Reads the context that is named (`name`, else `NATS_CONTEXT`), else the selected one; undefined when none is.
 * Throws {@link InvalidConfig} for one that is not there or not valid: to connect elsewhere instead would be worse.
 */
export async function readContext(
  name: string | undefined,
  env: Environment,
): Promise<NatsContext | undefined> {
  const folder = join(env.XDG_CONFIG_HOME || join(homeOf(env), ".config"), "nats");
  const named = name || env.NATS_CONTEXT;
  if (named) return load(await fileOf(named, folder, name ? "--context" : "NATS_CONTEXT"), env);
  const selection = join(folder, "context.txt");
  const selected = (await readFile(selection, "utf8").catch(() => "")).trim();
  return selected === "" ? undefined : load(await fileOf(selected, folder, selection), env);
}

interface ContextPlace {
  name: string;
  file: string;
  /** Who names this context, for error messages. */
  origin: string;
}

async function fileOf(named: string, folder: string, origin: string): Promise<ContextPlace> {
  if (named.endsWith(".json") && (await isReadable(named))) {
    return { name: basename(named, ".json"), file: named, origin };
  }
  if (/[/\\]|\.\./.test(named)) {
    throw new InvalidConfig(
      `${origin} names the context "${named}": no such file (a path must end in .json).`,
    );
  }
  return { name: named, file: join(folder, "context", `${named}.json`), origin };
}

async function load({ name, file, origin }: ContextPlace, env: Environment): Promise<NatsContext> {
  const content = await readFile(file, "utf8").catch((cause: unknown) => {
    const reason = `${origin} names the NATS context "${name}", but ${file} cannot be read: ${messageOf(cause)}.`;
    throw new InvalidConfig(`${reason} "nats context ls" lists those there are.`, { cause });
  });
  const parsed = contextFile.safeParse(parseJson(content, file));
  if (!parsed.success)
    throw new InvalidConfig(`${file} is not a NATS context: ${z.prettifyError(parsed.error)}`);
  return { name, file, fields: fieldsOf(parsed.data, file, env), tlsFirst: parsed.data.tls_first ?? false };
}

function parseJson(content: string, file: string): unknown {
  try {
    return JSON.parse(content);
  } catch (cause) {
    // The parser's message quotes the text, which may be a password.
    throw new InvalidConfig(`${file} is not valid JSON.`, { cause });
  }
}

function fieldsOf(parsed: ContextFile, file: string, env: Environment): NatsContext["fields"] {
  for (const field of UNSUPPORTED) {
    if (parsed[field])
      throw new InvalidConfig(`${file}: muster cannot connect by "${field}".`, { path: field });
  }
  const filled = Object.entries(parsed).flatMap(([field, value]) =>
    typeof value === "string" && value !== "" ? [[field, value] as const] : [],
  );
  const fields: Partial<Record<string, string>> = Object.fromEntries(filled);
  for (const field of PATH_FIELDS) {
    const path = fields[field];
    if (path !== undefined) fields[field] = expandPath(path, env);
  }
  return fields;
}

/** Replaces `$VAR`, `${VAR}` and a leading `~`; a variable that is not set becomes nothing, as in the `nats` command line. */
export function expandPath(path: string, env: Environment): string {
  const filled = path.replace(/\$(?:\{(\w+)\}|(\w+))/g, (_, braced, plain) => env[braced ?? plain] ?? "");
  return filled.startsWith("~") ? homeOf(env) + filled.slice(1) : filled;
}

function homeOf(env: Environment): string {
  return env.HOME || homedir();
}

function isReadable(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
