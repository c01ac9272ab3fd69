import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";
import type { Environment } from "../environment.ts";
import { EXECUTABLE } from "./cache.ts";
import { examine } from "./candidate.ts";
import type { Found, SearchContext, Skipped, Step } from "./step.ts";
import { skipped } from "./step.ts";

/** The search along `PATH`; one that is too old is passed over for a newer one further along. */
export const pathStep: Step = { name: "PATH", installs: false, find: findOnPath };

async function findOnPath(context: SearchContext): Promise<Found | Skipped> {
  const reasons: string[] = [];
  for (const path of await executablesOnPath(EXECUTABLE, context.env)) {
    const verdict = await examine(path, context.env, context.signal);
    if (verdict.kind === "usable") return { kind: "found", path, version: verdict.version, source: "path" };
    reasons.push(verdict.reason);
  }
  return skipped(reasons.length === 0 ? "no nats-server on it" : reasons.join("; "));
}

/** Every executable of this name on `PATH`, in its order. Relative entries are left out: they would follow the folder. */
export async function executablesOnPath(name: string, env: Environment): Promise<string[]> {
  const folders = (env.PATH ?? "").split(delimiter).filter(isAbsolute);
  const paths = [...new Set(folders)].map((folder) => join(folder, name));
  const usable = await Promise.all(paths.map(isExecutable));
  return paths.filter((_, index) => usable[index]);
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
