/** Imports one handler module: JavaScript by Node itself, TypeScript through jiti; also inside a thread. */
import { readFile, stat } from "node:fs/promises";
import { extname } from "node:path";
import { pathToFileURL } from "node:url";
import { HandlerModuleInvalid, messageOf } from "../../errors.ts";

/** What a module exports, by name. */
export type ModuleExports = Readonly<Record<string, unknown>>;

const JAVASCRIPT = new Set([".js", ".mjs", ".cjs"]);
const TYPESCRIPT = new Set([".ts", ".mts", ".cts"]);

/**
 * Imports a handler module.
 * @param file absolute path
 * @throws HandlerModuleInvalid when it is not there, not a module, does not parse, or throws while it loads
 */
export async function importModule(file: string): Promise<ModuleExports> {
  await checkFile(file);
  try {
    return unwrapCommonJs(await importAs(file));
  } catch (error) {
    throw new HandlerModuleInvalid(file, await reasonOf(file, error), { cause: error });
  }
}

async function checkFile(file: string): Promise<void> {
  const extension = extname(file);
  if (!JAVASCRIPT.has(extension) && !TYPESCRIPT.has(extension)) {
    throw new HandlerModuleInvalid(file, "its name must end in .js, .mjs, .cjs, .ts, .mts or .cts.");
  }
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) throw new HandlerModuleInvalid(file, "there is no such file.");
  if (!found.isFile()) throw new HandlerModuleInvalid(file, "it is not a file.");
}

async function importAs(file: string): Promise<ModuleExports> {
  if (TYPESCRIPT.has(extname(file))) return await (await jitiFor(file)).import<ModuleExports>(file);
  return await import(/* @vite-ignore */ pathToFileURL(file).href);
}

/** Loaded only where it is needed: it takes longer than most handler modules. */
async function jitiFor(file: string) {
  const { createJiti } = await import("jiti");
  return createJiti(pathToFileURL(file).href, { interopDefault: false });
}

/** A CommonJS module that a compiler made of an ES module hides its default export one level deeper. */
function unwrapCommonJs(exports: ModuleExports): ModuleExports {
  const inner = exports.default;
  if (typeof inner !== "object" || inner === null || !("__esModule" in inner)) return exports;
  return Object.fromEntries(Object.entries(inner));
}

/** Node does not say where an ES module does not parse, so jiti's parser is asked after every failure. */
async function reasonOf(file: string, error: unknown): Promise<string> {
  const fault = await syntaxFault(file).catch(() => undefined);
  if (fault !== undefined)
    return `syntax error at ${fault.line}:${fault.column + 1}: ${fault.message.trim()}`;
  const [message = ""] = messageOf(error).trim().split("\nRequire stack:");
  if (!(error instanceof Error)) return `it threw ${message} while loading.`;
  // Node names neither file nor place then.
  if (error.name === "SyntaxError") return `a module that it imports has a syntax error: ${message}`;
  return `${message}${placeOf(file, error)}`;
}

interface SyntaxFault {
  line: number;
  column: number;
  message: string;
}

/** Where the file itself does not parse; undefined when it is sound, and the error is another or in another file. */
async function syntaxFault(file: string): Promise<SyntaxFault | undefined> {
  const source = await readFile(file, "utf8");
  const ts = TYPESCRIPT.has(extname(file));
  const code = (await jitiFor(file)).transform({ source, filename: file, ts, async: true });
  const report = /^exports\.__JITI_ERROR__ = (\{.*\})/.exec(code)?.[1];
  return report === undefined ? undefined : JSON.parse(report);
}

/** ` (line:column)` of the innermost stack frame in the file. */
function placeOf(file: string, error: Error): string {
  const frame = error.stack?.split("\n").find((line) => line.includes(file) && /:\d+:\d+\)?$/.test(line));
  const place = frame && /:(\d+:\d+)\)?$/.exec(frame)?.[1];
  return place ? ` (at ${place})` : "";
}
