/** Where a splitter's items lie until they are shipped: a file of this worker's, gone with the task. */
import { createReadStream } from "node:fs";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import type { ActorContext } from "../context.ts";

/** Bytes that are read at once. */
const READ_BYTES = 128 * 1024;

/** A folder says whose it is. The machine as well: containers may share the folder for temporary files, but not their process ids. */
const OURS = `muster-split-${hostname().replace(/[^A-Za-z0-9.]/g, "_")}-`;

export class SplitFile {
  readonly path: string;
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
    this.path = join(folder, "items");
  }

  static async create(): Promise<SplitFile> {
    return new SplitFile(await mkdtemp(join(tmpdir(), `${OURS}${process.pid}-`)));
  }

  /**
   * Puts the items into the object store, and gives the object's name. It is a new one each time: which of several that ran
   * the splitter is heard is said by the outcome that names its object, and there is only one.
   */
  async ship({ broker, names, random }: ActorContext, job: string): Promise<string> {
    const name = `${job}-${Math.floor(random() * 2 ** 40).toString(36)}`;
    const objects = await broker.objects(names.inputs);
    await objects.put(name, createReadStream(this.path, { highWaterMark: READ_BYTES }));
    return `${names.inputs}/${name}`;
  }

  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Removes what workers of this machine left behind that were killed while a splitter ran. Never rejects. */
export async function removeAbandonedSplits(): Promise<void> {
  const names = await readdir(tmpdir()).catch(() => []);
  const folders = names.filter((name) => name.startsWith(OURS));
  await Promise.all(folders.map((name) => removeIfAbandoned(name).catch(() => {})));
}

async function removeIfAbandoned(name: string): Promise<void> {
  const path = join(tmpdir(), name);
  const pid = Number.parseInt(name.slice(OURS.length), 10);
  const isAbandoned = pid === process.pid ? await isOlderThanUs(path) : isDead(pid);
  if (isAbandoned) await rm(path, { recursive: true, force: true });
}

/** In a container that is started again the process has the id of the one that died. */
async function isOlderThanUs(path: string): Promise<boolean> {
  return (await stat(path)).mtimeMs < performance.timeOrigin;
}

/** An id that another process was given since counts as alive: its folder goes another time. */
function isDead(pid: number): boolean {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}
