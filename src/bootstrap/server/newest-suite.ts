import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { aptMissing, installPackage, updateLists } from "./apt.ts";
import { type AptSource, formatSource, parseDeb822, parseOneLine } from "./apt-sources.ts";
import { withScratch } from "./cache.ts";
import type { Found, SearchContext, Skipped, Step } from "./step.ts";
import { skipped } from "./step.ts";

const NEWEST_SUITE = "sid";
const APT_FOLDER = "/etc/apt";

/**
 * The package of Debian's newest suite. It is fetched from the mirror and checked with the key ring that the machine's
 * own sources name; its package list is kept apart, so that the machine's apt knows nothing of it.
 */
export const newestSuiteStep: Step = {
  name: "the package of Debian's newest suite",
  installs: true,
  find: fetchFromNewestSuite,
};

async function fetchFromNewestSuite(context: SearchContext): Promise<Found | Skipped> {
  const release = await readFile("/etc/os-release", "utf8").catch(() => "");
  if (!/^ID="?debian"?\s*$/m.test(release)) return skipped("this is not Debian");
  const missing = await aptMissing(context);
  if (missing !== undefined) return skipped(missing);
  const source = newestSuiteOf(await readSources(APT_FOLDER), codenameOf(release));
  if (source === undefined) return skipped(`no Debian mirror in ${APT_FOLDER}`);
  return withScratch(context, (scratch) => fetchFrom(source, scratch, context));
}

function codenameOf(release: string): string {
  return /^VERSION_CODENAME="?([\w-]+)"?/m.exec(release)?.[1] ?? NEWEST_SUITE;
}

/** Makes the newest suite's source of the one that the machine takes its own release from. */
export function newestSuiteOf(sources: readonly AptSource[], codename: string): AptSource | undefined {
  const suites = [codename, "stable", "testing", "unstable", NEWEST_SUITE];
  const own = sources.find(
    (source) => source.components.includes("main") && source.suites.some((suite) => suites.includes(suite)),
  );
  return own === undefined ? undefined : { ...own, suites: [NEWEST_SUITE], components: ["main"] };
}

async function readSources(folder: string): Promise<AptSource[]> {
  const parts = join(folder, "sources.list.d");
  const names = (await readdir(parts).catch(() => [])).sort();
  const sources = await Promise.all(names.map((name) => readSource(join(parts, name))));
  return [...(await readSource(join(folder, "sources.list"))), ...sources.flat()];
}

async function readSource(file: string): Promise<AptSource[]> {
  const text = await readFile(file, "utf8").catch(() => "");
  if (file.endsWith(".sources")) return parseDeb822(text);
  return file.endsWith(".list") ? parseOneLine(text) : [];
}

async function fetchFrom(
  source: AptSource,
  scratch: string,
  context: SearchContext,
): Promise<Found | Skipped> {
  const list = join(scratch, "newest.sources");
  const lists = join(scratch, "lists");
  await mkdir(join(lists, "partial"), { recursive: true });
  await writeFile(list, formatSource(source));
  const settings = [
    `Dir::Etc::SourceList=${list}`,
    "Dir::Etc::SourceParts=/dev/null",
    // Pins and holds of the machine are about what it installs, not about this.
    "Dir::Etc::Preferences=/dev/null",
    "Dir::Etc::PreferencesParts=/dev/null",
    `Dir::State::Lists=${lists}`,
    "APT::Default-Release=",
    "Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false",
    "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
  ];
  const apt = { context, scratch, settings };
  const updated = await updateLists(apt);
  return updated.ok ? installPackage(apt, "newest-suite") : skipped(updated.reason);
}
