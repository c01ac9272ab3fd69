/** Examples of the documents as modules that run: over a fleet in memory, with what they say of their values checked. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT } from "./pages.ts";

const STAGE = pathToFileURL(join(ROOT, "test/docs/stage.ts")).href;

/** A folder in which examples are modules; it lies in the project, so that they find its dependencies. */
export class ExampleFolder {
  readonly #path: string;

  constructor() {
    mkdirSync(join(ROOT, ".muster"), { recursive: true });
    this.#path = mkdtempSync(join(ROOT, ".muster", "examples-"));
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.#path, name), onStage(text));
  }

  async run(name: string): Promise<void> {
    await import(/* @vite-ignore */ pathToFileURL(join(this.#path, name)).href);
  }

  remove(): void {
    rmSync(this.#path, { recursive: true });
  }
}

/** muster is the one on the stage; where an example takes a fleet for granted, it is given one. */
function onStage(text: string): string {
  const imports: readonly string[] = text.match(/^import .*;$/gm) ?? [];
  const others = imports.filter((line) => !/from "muster(\/\w+)?";$/.test(line));
  const body = text.split("\n").filter((line) => !imports.includes(line));
  const lines = body.map(checked);
  const first = lines.findIndex((line) => line.includes("muster."));
  const hasOwn = body.some((line) => line.includes("muster = "));
  if (first >= 0 && !hasOwn) lines.splice(first, 0, "await using muster = await connect();");
  return [...others, `import * as stage from ${JSON.stringify(STAGE)};`, NAMES, ...lines].join("\n");
}

/** What examples import of muster, and a console that prints nothing. */
const NAMES =
  "const { check, chunk, connect, console, Events, fail, fromSplitter, JobFailed, joinFleet, range, resolveConnection, retryAfter, startActor, startMuster, task, testMuster } = stage;";

/** `await x; // [1, 2]` and `console.log(x); // 3`: the comment is what comes of it. */
function checked(line: string): string {
  const match = /^(?!const )(?:console\.log\((.*)\)|(.*?)); \/\/ ((?:[[{"\d-]|true|false|null).*)$/.exec(
    line,
  );
  if (match === null) return line;
  const [, logged, plain, value] = match;
  return `await check(${logged ?? plain}, ${value});`;
}
