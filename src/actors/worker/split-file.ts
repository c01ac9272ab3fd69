/** Where a splitter's items lie until they are shipped: a file of this worker's, gone with the task. */
import { createReadStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ActorContext } from "../context.ts";

/** Bytes that are read at once. */
const READ_BYTES = 128 * 1024;

export class SplitFile {
  readonly path: string;
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
    this.path = join(folder, "items");
  }

  static async create(): Promise<SplitFile> {
    return new SplitFile(await mkdtemp(join(tmpdir(), "muster-split-")));
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
