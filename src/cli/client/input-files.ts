/** The files of a job's records, and standard input among them. */
import { createReadStream } from "node:fs";
import { access, constants, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { addAbortSignal } from "node:stream";
import { InvalidBody, messageOf } from "../../errors.ts";
import type { Bytes } from "../../protocol/records/bytes.ts";
import type { Shell } from "../shell.ts";
import { filesOf } from "./glob.ts";

export interface InputFile {
  /** As it is called in messages. */
  name: string;
  /** In bytes; undefined where only reading would tell. */
  size: number | undefined;
  /** Its bytes as they are read, until the signal aborts. @throws InvalidBody where it cannot be read, even in its midst */
  read(signal: AbortSignal): Bytes;
}

/** Bytes that are read of a file at once. */
const PIECE = 256 * 1024;

/**
 * The inputs that names and patterns mean, `-` being standard input.
 * @throws InvalidBody where one is not there or must not be read, or a pattern finds nothing
 */
export async function findInputs(
  { stdin, cwd }: Pick<Shell, "stdin" | "cwd">,
  patterns: readonly string[],
): Promise<InputFile[]> {
  if (patterns.length === 0)
    throw new InvalidBody(
      "No files are named: name them, a pattern ('logs/*.txt'), or - for standard input.",
    );
  if (patterns.filter((pattern) => pattern === "-").length > 1)
    throw new InvalidBody("Standard input (-) is named twice, and can be read once only.");
  const found: InputFile[] = [];
  for (const pattern of patterns) {
    if (pattern === "-")
      found.push({
        name: "standard input",
        size: undefined,
        read: (signal) => addAbortSignal(signal, stdin),
      });
    else found.push(...(await findFiles(cwd, pattern)));
  }
  return found;
}

async function findFiles(cwd: string, pattern: string): Promise<InputFile[]> {
  const names = await filesOf(pattern, cwd);
  if (names.length === 0) throw new InvalidBody(`No file matches "${pattern}".`, { path: pattern });
  return await Promise.all(names.map((name) => openable(cwd, name)));
}

async function openable(cwd: string, name: string): Promise<InputFile> {
  const path = resolve(cwd, name);
  const facts = await stat(path).catch((cause) => {
    throw unreadable(name, cause);
  });
  if (facts.isDirectory())
    throw new InvalidBody(`"${name}" is a folder: name the files in it, as in '${name}/*'.`);
  await access(path, constants.R_OK).catch((cause) => {
    throw unreadable(name, cause);
  });
  return {
    name,
    size: facts.isFile() ? facts.size : undefined,
    read: (signal) => pieces(path, name, signal),
  };
}

async function* pieces(path: string, name: string, signal: AbortSignal): Bytes {
  try {
    yield* createReadStream(path, { highWaterMark: PIECE, signal }) as AsyncIterable<Buffer>;
  } catch (cause) {
    throw unreadable(name, cause);
  }
}

function unreadable(name: string, cause: unknown): InvalidBody {
  return new InvalidBody(`The file "${name}" cannot be read: ${messageOf(cause)}.`, { path: name, cause });
}
