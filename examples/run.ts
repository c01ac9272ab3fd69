/** Runs an example: `npm run example NAME [-- --server URL] [-- --workers N]`. */
import { readdirSync } from "node:fs";
import { parseArgs } from "node:util";
import { machine, print } from "./compare.ts";
import { Fleet, type FleetOptions } from "./fleet.ts";

/** What the `main.ts` of an example exports. */
interface Example {
  main(fleet: Fleet): Promise<void>;
  /** How its own fleet differs from the usual one. */
  FLEET?: Pick<FleetOptions, "workers" | "lease">;
}

// A signal ends what was started, too.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

const folder = (name: string) => new URL(`./${name}/`, import.meta.url);
const names = readdirSync(folder("."), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { server: { type: "string" }, workers: { type: "string" } },
});

const [name = ""] = positionals;
if (names.includes(name)) await run(name);
else {
  process.stderr.write(`npm run example NAME, where NAME is one of: ${names.join(", ")}\n`);
  process.exitCode = 2;
}

async function run(name: string): Promise<void> {
  const { main, FLEET }: Example = await import(new URL("main.ts", folder(name)).href);
  const workers = values.workers === undefined ? {} : { workers: Number(values.workers) };
  const handlers = new URL("tasks.ts", folder(name));
  await using fleet = await Fleet.start({ handlers, ...FLEET, ...workers, server: values.server });
  print(`${name}, on ${machine()}`);
  await main(fleet);
}
