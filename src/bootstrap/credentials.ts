import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Authenticator, credsAuthenticator, jwtAuthenticator, nkeyAuthenticator, nkeys } from "nats";
import { InvalidConfig, messageOf } from "../errors.ts";
import type { Environment } from "./environment.ts";

/** A value, and the flag, variable or file that it comes from, for error messages. */
export interface Setting {
  value: string;
  origin: string;
}

const SEED = /^\s*(S[AOU][A-Z2-7]{56})\s*$/m;
const JWT = /-----BEGIN NATS USER JWT-----\s+[\w-]+\.[\w-]+\.[\w-]+\s/;
const encoder = new TextEncoder();

/** Signs with a credentials file (a JWT and its seed, as `nsc` writes it). It is read again at each connect: it may be renewed. */
export function credsFrom(setting: Setting, env: Environment): Authenticator {
  return credsAuthenticator(reread(setting, env, checkCreds));
}

/** Signs with the seed in a file, read again at each connect. */
export function nkeyFrom(setting: Setting, env: Environment): Authenticator {
  return nkeyAuthenticator(reread(setting, env, (content) => checkSeed(content, setting.origin)));
}

/** Signs with a JWT and a seed given as they are; a JWT without a seed is a bearer's. */
export function jwtFrom(jwt: Setting, seed: Setting | undefined, env: Environment): Authenticator {
  const token = literal(jwt, env);
  if (seed === undefined) return jwtAuthenticator(token);
  return jwtAuthenticator(token, encoder.encode(checkSeed(literal(seed, env), seed.origin)));
}

/** The value itself, or what its `env://`, `file://` or `data:` refers to. */
export function literal(setting: Setting, env: Environment): string {
  return isReference(setting.value) ? material(setting, env).replace(/[\r\n]+$/, "") : setting.value;
}

function isReference(value: string): boolean {
  return /^(?:env|file|op|nsc):\/\/|^data:.*;base64,/i.test(value);
}

/** Checks once, at the start, and from then on keeps the last good content when the file cannot be read for a while. */
function reread(setting: Setting, env: Environment, check: (content: string) => string): () => Uint8Array {
  let good = examine(setting, env, check);
  return () => {
    try {
      good = examine(setting, env, check);
    } catch {
      // Kept: a file that is just being replaced is no reason to stay disconnected.
    }
    return good;
  };
}

function examine(setting: Setting, env: Environment, check: (content: string) => string): Uint8Array {
  try {
    return encoder.encode(check(material(setting, env)));
  } catch (cause) {
    if (cause instanceof InvalidConfig) throw cause;
    throw new InvalidConfig(`${setting.origin}: ${messageOf(cause)}`, { cause });
  }
}

/** The bytes that a location stands for: a path, or a URI of the kinds that the `nats` command line knows. */
function material({ value, origin }: Setting, env: Environment): string {
  const scheme = /^([a-z]{2,}):/i.exec(value)?.[1]?.toLowerCase();
  if (scheme === "env") return variable(value.slice("env://".length), env);
  if (scheme === "data") return Buffer.from(value.slice(value.indexOf(",") + 1), "base64").toString("utf8");
  if (scheme === "op" || scheme === "nsc") {
    throw new InvalidConfig(`${origin}: muster does not resolve ${scheme}:// locations; name a file.`);
  }
  return readFileSync(filePath(value), "utf8");
}

function variable(name: string, env: Environment): string {
  const value = env[name];
  if (!value) throw new Error(`the variable ${name} is not set`);
  return value;
}

/** The path that a bare path or a `file://` location stands for. */
export function filePath(location: string): string {
  if (!/^file:\/\//i.test(location)) return location;
  return location.startsWith("file:///") ? fileURLToPath(location) : location.slice("file://".length);
}

function checkCreds(content: string): string {
  const text = content.replace(/\r\n/g, "\n");
  if (!JWT.test(text) || !SEED.test(text))
    throw new Error("this is no credentials file (a user JWT and its seed)");
  return text;
}

function checkSeed(content: string, origin: string): string {
  const seed = SEED.exec(content)?.[1];
  if (seed === undefined) throw new InvalidConfig(`${origin}: no nkey seed (it begins with SU) is in it.`);
  try {
    nkeys.fromSeed(encoder.encode(seed)).clear();
  } catch (cause) {
    throw new InvalidConfig(`${origin}: the nkey seed in it is damaged.`, { cause });
  }
  return seed;
}
