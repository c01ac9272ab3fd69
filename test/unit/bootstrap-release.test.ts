import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateRawSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { extractFile } from "../../src/bootstrap/server/archive.ts";
import { locateServer } from "../../src/bootstrap/server/locate.ts";
import { archiveNameFor, releaseStep } from "../../src/bootstrap/server/release.ts";
import type { SearchContext } from "../../src/bootstrap/server/step.ts";
import { RECOMMENDED_VERSION } from "../../src/bootstrap/server/version.ts";

const NAME = archiveNameFor(RECOMMENDED_VERSION, process.platform, process.arch) ?? "";
const PROGRAM = Buffer.from(`#!/bin/sh\necho "nats-server: v${RECOMMENDED_VERSION}"\n`);

let home: string;
let server: Server | undefined;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "muster-release-"));
});
afterEach(async () => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
  await rm(home, { recursive: true, force: true });
});

/** One file in a tar archive, behind a directory and a README as in the real one. */
function tarGz(files: Record<string, Buffer>): Buffer {
  const entries = Object.entries(files).flatMap(([name, body]) => {
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write(body.length.toString(8).padStart(11, "0"), 124);
    header.write(name.endsWith("/") ? "5" : "0", 156);
    return [header, body, Buffer.alloc((512 - (body.length % 512)) % 512)];
  });
  return gzipSync(Buffer.concat([...entries, Buffer.alloc(1024)]));
}

const folder = NAME.replace(/\.tar\.gz$/, "");
const ARCHIVE = tarGz({
  [`${folder}/`]: Buffer.alloc(0),
  [`${folder}/README.md`]: Buffer.from("nats-server".repeat(100)),
  [`${folder}/nats-server`]: PROGRAM,
});

const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

async function serve(listener: RequestListener): Promise<string> {
  server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function serveFiles(files: Record<string, Buffer | string>): Promise<string> {
  return serve((request, response) => {
    const body = files[request.url?.replace(`/v${RECOMMENDED_VERSION}/`, "") ?? ""];
    response.writeHead(body === undefined ? 404 : 200).end(body ?? "not here");
  });
}

function contextFor(releaseBaseUrl: string, silenceMs = 2000): SearchContext {
  const { signal } = new AbortController();
  return { env: { PATH: "/usr/bin:/bin" }, cacheDir: join(home, "cache"), releaseBaseUrl, silenceMs, signal };
}

describe("the official release", () => {
  it("is fetched, checked against its sums, unpacked and put into the cache", async () => {
    const sums = `${"0".repeat(64)}  other.tar.gz\n${sha256(ARCHIVE)}  ${NAME}\n`;
    const releaseBaseUrl = await serveFiles({ SHA256SUMS: sums, [NAME]: ARCHIVE });
    const located = await locateServer({
      env: { PATH: "/usr/bin:/bin", XDG_CACHE_HOME: home },
      allowInstall: true,
      releaseBaseUrl,
      steps: [releaseStep],
    });
    const path = join(home, "muster/bin", `nats-server-${RECOMMENDED_VERSION}`, "nats-server");
    expect(located).toEqual({ path, version: RECOMMENDED_VERSION, source: "release" });
    expect(await readFile(path)).toEqual(PROGRAM);
    expect(await readdir(join(home, "muster"))).toEqual(["bin"]);
  });

  it("is refused when its sum is another one, and nothing of it is kept", async () => {
    const base = await serveFiles({ SHA256SUMS: `${"0".repeat(64)}  ${NAME}\n`, [NAME]: ARCHIVE });
    const outcome = await releaseStep.find(contextFor(base));
    expect(outcome).toMatchObject({ kind: "skipped", reason: expect.stringContaining(sha256(ARCHIVE)) });
    expect(await readdir(home)).toEqual([]);
  });

  it("is refused when its sum is not listed", async () => {
    const base = await serveFiles({ SHA256SUMS: "", [NAME]: ARCHIVE });
    const outcome = await releaseStep.find(contextFor(base));
    expect(outcome).toMatchObject({ kind: "skipped", reason: `SHA256SUMS does not list ${NAME}` });
  });

  it("is skipped where the host does not have it", async () => {
    const outcome = await releaseStep.find(contextFor(await serveFiles({})));
    expect(outcome).toMatchObject({ kind: "skipped", reason: expect.stringContaining("answered 404") });
  });

  it("is given up when the host never answers", async () => {
    const base = await serve(() => {});
    const outcome = await releaseStep.find(contextFor(base, 200));
    expect(outcome).toMatchObject({
      kind: "skipped",
      reason: expect.stringMatching(/did not answer within 0\.2 s/),
    });
  });

  it("is given up when the host falls silent in the middle", async () => {
    const base = await serve((_, response) => void response.writeHead(200).write("half of the su"));
    const outcome = await releaseStep.find(contextFor(base, 200));
    expect(outcome).toMatchObject({
      kind: "skipped",
      reason: expect.stringMatching(/did not answer within 0\.2 s/),
    });
  });

  it("is skipped where the host refuses the connection or has no address", async () => {
    const base = await serveFiles({});
    await new Promise((closed) => server?.close(closed));
    const refused = await releaseStep.find(contextFor(base));
    expect(refused).toMatchObject({ kind: "skipped", reason: expect.stringContaining("ECONNREFUSED") });
    const unknown = await releaseStep.find(contextFor("http://muster.invalid"));
    expect(unknown).toMatchObject({ kind: "skipped", reason: expect.stringContaining("muster.invalid") });
  });

  it("ends at once when the caller aborts", async () => {
    const controller = new AbortController();
    const base = await serve(() => controller.abort(new Error("enough")));
    const search = releaseStep.find({ ...contextFor(base, 20_000), signal: controller.signal });
    await expect(search).rejects.toThrow("enough");
  });

  it("has a name for each platform that is published", () => {
    expect(archiveNameFor("2.15.1", "linux", "x64")).toBe("nats-server-v2.15.1-linux-amd64.tar.gz");
    expect(archiveNameFor("2.15.1", "darwin", "arm64")).toBe("nats-server-v2.15.1-darwin-arm64.tar.gz");
    expect(archiveNameFor("2.15.1", "win32", "x64")).toBe("nats-server-v2.15.1-windows-amd64.zip");
    expect(archiveNameFor("2.15.1", "aix", "ppc64")).toBeUndefined();
  });
});

describe("an archive", () => {
  it("gives one file of a tar archive, whatever paths it holds", async () => {
    const archive = tarGz({ "../../nats-server": PROGRAM });
    expect(await extractFile(archive, "a.tar.gz", "nats-server")).toEqual(PROGRAM);
    expect(await extractFile(archive, "a.tar.gz", "server")).toBeUndefined();
  });

  it("gives one file of a zip archive", async () => {
    const archive = zip({ "folder/README.md": Buffer.from("x"), "folder/nats-server.exe": PROGRAM });
    expect(await extractFile(archive, "a.zip", "nats-server.exe")).toEqual(PROGRAM);
    expect(await extractFile(archive, "a.zip", "other.exe")).toBeUndefined();
  });
});

function zip(files: Record<string, Buffer>): Buffer {
  const locals: Buffer[] = [];
  const entries: Buffer[] = [];
  for (const [name, body] of Object.entries(files)) {
    const packed = deflateRawSync(body);
    const offset = Buffer.concat(locals).length;
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50);
    local.writeUInt16LE(name.length, 26);
    locals.push(local, Buffer.from(name), packed);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50);
    entry.writeUInt16LE(8, 10);
    entry.writeUInt32LE(packed.length, 20);
    entry.writeUInt16LE(name.length, 28);
    entry.writeUInt32LE(offset, 42);
    entries.push(entry, Buffer.from(name));
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50);
  end.writeUInt32LE(Buffer.concat(locals).length, 16);
  return Buffer.concat([...locals, ...entries, end]);
}
