import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { extractFile } from "./archive.ts";
import { EXECUTABLE, install, withScratch } from "./cache.ts";
import { type Download, download } from "./download.ts";
import type { Found, SearchContext, Skipped, Step } from "./step.ts";
import { skipped } from "./step.ts";
import { RECOMMENDED_VERSION } from "./version.ts";

/** Where the project publishes its releases. */
export const RELEASE_BASE_URL = "https://github.com/nats-io/nats-server/releases/download";

/** Node's names of platforms and processors, in the release's words. */
const SYSTEMS: Readonly<Record<string, string>> = {
  linux: "linux",
  darwin: "darwin",
  win32: "windows",
  freebsd: "freebsd",
};
const PROCESSORS: Readonly<Record<string, string>> = {
  x64: "amd64",
  arm64: "arm64",
  arm: "arm7",
  ia32: "386",
  s390x: "s390x",
  loong64: "loong64",
  riscv64: "riscv64",
};

/** The official release, checked against its list of SHA-256 sums. */
export const releaseStep: Step = { name: "the official release", installs: true, find: fetchRelease };

/** The release's archive for a platform, or undefined where none is published. */
export function archiveNameFor(version: string, platform: string, arch: string): string | undefined {
  const system = SYSTEMS[platform];
  const processor = PROCESSORS[arch];
  if (system === undefined || processor === undefined) return undefined;
  return `nats-server-v${version}-${system}-${processor}.${system === "windows" ? "zip" : "tar.gz"}`;
}

async function fetchRelease(context: SearchContext): Promise<Found | Skipped> {
  const name = archiveNameFor(RECOMMENDED_VERSION, process.platform, process.arch);
  if (name === undefined) return skipped(`there is none for ${process.platform} on ${process.arch}`);
  const archive = await fetchChecked(name, context);
  return archive.ok ? unpack(archive.bytes, name, context) : skipped(archive.reason);
}

async function fetchChecked(name: string, context: SearchContext): Promise<Download> {
  const folder = `${context.releaseBaseUrl}/v${RECOMMENDED_VERSION}`;
  const sums = await download(`${folder}/SHA256SUMS`, context);
  if (!sums.ok) return sums;
  const wanted = sumOf(name, sums.bytes.toString("utf8"));
  if (wanted === undefined) return { ok: false, reason: `SHA256SUMS does not list ${name}` };
  const archive = await download(`${folder}/${name}`, context);
  if (!archive.ok) return archive;
  const got = createHash("sha256").update(archive.bytes).digest("hex");
  return got === wanted
    ? archive
    : { ok: false, reason: `${name} has the SHA-256 ${got}, not ${wanted} as listed` };
}

/** Finds the sum in lines of `<hex>  <name>`; a `*` before the name marks binary mode. */
function sumOf(name: string, sums: string): string | undefined {
  for (const line of sums.split("\n")) {
    const [sum, file] = line.trim().split(/\s+\*?/);
    if (file === name && sum !== undefined) return sum.toLowerCase();
  }
  return undefined;
}

function unpack(archive: Buffer, name: string, context: SearchContext): Promise<Found | Skipped> {
  return withScratch(context, async (scratch) => {
    const server = await extractFile(archive, name, EXECUTABLE);
    if (server === undefined) return skipped(`${name} holds no ${EXECUTABLE}`);
    const file = join(scratch, EXECUTABLE);
    await writeFile(file, server, { mode: 0o755 });
    return install(file, "release", context);
  });
}
