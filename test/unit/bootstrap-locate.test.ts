import { chmod, mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cacheStep, defaultCacheDir, install, withScratch } from "../../src/bootstrap/server/cache.ts";
import { explicitStep } from "../../src/bootstrap/server/explicit.ts";
import { goInstallStep } from "../../src/bootstrap/server/go-install.ts";
import { locateServer, STEPS } from "../../src/bootstrap/server/locate.ts";
import { pathStep } from "../../src/bootstrap/server/path.ts";
import { type SearchContext, type StepEvent, skipped } from "../../src/bootstrap/server/step.ts";
import { isSupported, newestFirst, parseVersionOutput } from "../../src/bootstrap/server/version.ts";
import { BrokerNotFound, BrokerTooOld, InvalidConfig } from "../../src/errors.ts";

let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "muster-locate-"));
});
afterEach(() => rm(home, { recursive: true, force: true }));

/** A program that says it is some version of nats-server. */
async function fakeServer(folder: string, says: string): Promise<string> {
  await mkdir(join(home, folder), { recursive: true });
  const path = join(home, folder, "nats-server");
  await writeFile(path, `#!/bin/sh\n${says}\n`);
  await chmod(path, 0o755);
  return path;
}

const version = (number: string) => `echo "nats-server: v${number}"`;

function contextWith(env: SearchContext["env"]): SearchContext {
  const { signal } = new AbortController();
  return {
    env,
    cacheDir: join(home, "cache"),
    releaseBaseUrl: "http://127.0.0.1:1",
    silenceMs: 1000,
    signal,
  };
}

describe("versions", () => {
  it.each([
    ["2.9.10", false],
    ["2.12.14", false],
    ["2.12.15", true],
    ["2.13.9", false],
    ["2.14.4", false],
    ["2.14.5", true],
    ["2.15.0", true],
    ["2.15.1-RC.1", true],
    ["3.0.0", true],
    ["1.4.1", false],
    ["nonsense", false],
  ])("%s is usable: %s", (number, usable) => {
    expect(isSupported(number)).toBe(usable);
  });

  it("are read from what the server prints, and compared by number", () => {
    expect(parseVersionOutput("nats-server: v2.15.1\n")).toBe("2.15.1");
    expect(parseVersionOutput("no version here")).toBeUndefined();
    expect(["2.9.10", "2.15.1", "2.12.15"].sort(newestFirst)).toEqual(["2.15.1", "2.12.15", "2.9.10"]);
  });
});

describe("the search for a nats-server", () => {
  it("takes the first on PATH that is new enough, and says why it passed over the others", async () => {
    await fakeServer("old", version("2.9.10"));
    const good = await fakeServer("new", version("2.14.5"));
    const events: StepEvent[] = [];
    const env = { PATH: `${join(home, "old")}:${join(home, "new")}` };
    const located = await locateServer({ env, allowInstall: false, onStep: (event) => events.push(event) });
    expect(located).toEqual({ path: good, version: "2.14.5", source: "path" });
    expect(events.at(-1)).toMatchObject({ state: "found", step: "PATH", version: "2.14.5" });
  });

  it("passes over one on PATH that is too old, in words that name both versions", async () => {
    const path = await fakeServer("bin", version("2.9.10"));
    const outcome = await pathStep.find(contextWith({ PATH: join(home, "bin") }));
    expect(outcome).toMatchObject({
      kind: "skipped",
      reason: expect.stringContaining(`${path} is nats-server 2.9.10`),
    });
    expect(outcome).toMatchObject({ reason: expect.stringContaining("2.12.15") });
  });

  it("passes over what cannot be run and what is no server", async () => {
    await fakeServer("crash", "exit 3");
    await fakeServer("other", "echo 'some tool 2.15.1'");
    const PATH = `${join(home, "crash")}:${join(home, "other")}`;
    const outcome = await pathStep.find(contextWith({ PATH }));
    expect(outcome).toMatchObject({
      kind: "skipped",
      reason: expect.stringMatching(/code 3.*does not say which/s),
    });
  });

  it("prefers the file that the user named, by argument before the variable", async () => {
    const named = await fakeServer("named", version("2.15.1"));
    const other = await fakeServer("other", version("2.14.5"));
    const env = { MUSTER_NATS_SERVER: other, PATH: join(home, "other") };
    expect(await locateServer({ env, allowInstall: false })).toMatchObject({
      path: other,
      source: "explicit",
    });
    const both = await locateServer({ env, explicitPath: named, allowInstall: false });
    expect(both).toEqual({ path: named, version: "2.15.1", source: "explicit" });
  });

  it("refuses a named file that is too old or cannot be run, rather than run another one", async () => {
    const old = await fakeServer("old", version("2.12.14"));
    const tooOld = explicitStep.find(contextWith({ MUSTER_NATS_SERVER: old }));
    await expect(tooOld).rejects.toThrow(BrokerTooOld);
    await expect(tooOld).rejects.toThrow(/2\.12\.14 .*is too old: muster needs 2\.12\.15/);
    const missing = explicitStep.find(contextWith({ MUSTER_NATS_SERVER: join(home, "missing") }));
    await expect(missing).rejects.toThrow(InvalidConfig);
    await expect(missing).rejects.toThrow(/^MUSTER_NATS_SERVER: .*missing cannot be run/);
  });

  it("takes the newest from the cache", async () => {
    await fakeServer("cache/bin/nats-server-2.12.15", version("2.12.15"));
    const newest = await fakeServer("cache/bin/nats-server-2.15.1", version("2.15.1"));
    await fakeServer("cache/bin/nats-server-2.16.0", "exit 1");
    const outcome = await cacheStep.find(contextWith({}));
    expect(outcome).toEqual({ kind: "found", path: newest, version: "2.15.1", source: "cache" });
  });

  it("has its cache where XDG says, else below the home directory", () => {
    expect(defaultCacheDir({ XDG_CACHE_HOME: "/x", HOME: "/h" })).toBe("/x/muster");
    expect(defaultCacheDir({ HOME: "/h" })).toBe("/h/.cache/muster");
  });

  it("lists all that was tried, each with its reason, when it finds none", async () => {
    const steps = STEPS.filter((step) => !step.installs);
    const search = locateServer({ env: { PATH: home, HOME: home }, allowInstall: true, steps });
    await expect(search).rejects.toThrow(BrokerNotFound);
    await expect(search).rejects.toThrow(
      /MUSTER_NATS_SERVER: not set\n.*PATH: no nats-server on it\n.*the cache: /s,
    );
  });

  it("fetches nothing where that is not allowed", async () => {
    const events: StepEvent[] = [];
    const search = locateServer({
      env: { PATH: home, HOME: home },
      allowInstall: false,
      onStep: (event) => events.push(event),
    });
    await expect(search).rejects.toThrow(/fetching one: not asked for/);
    expect(events.some((event) => event.state === "started" && event.installs)).toBe(false);
  });

  it("stops when aborted, also while a program hangs", async () => {
    await fakeServer("bin", "exec sleep 30");
    const controller = new AbortController();
    const search = locateServer({
      env: { PATH: `${join(home, "bin")}:/usr/bin:/bin` },
      allowInstall: false,
      signal: controller.signal,
      onStep: (event) => {
        if (event.step === "PATH") setImmediate(() => controller.abort(new Error("enough")));
      },
    });
    await expect(search).rejects.toThrow("enough");
  });

  it("goes through go install's reasons", async () => {
    const without = await goInstallStep.find(contextWith({ PATH: home }));
    expect(without).toEqual(skipped("go is not on PATH"));
    await fakeServer("gobin", "");
    await writeFile(join(home, "gobin", "go"), '#!/bin/sh\necho "module: no such host" >&2; exit 1\n', {
      mode: 0o755,
    });
    const offline = await goInstallStep.find(contextWith({ PATH: join(home, "gobin") }));
    expect(offline).toMatchObject({ reason: expect.stringContaining("the module cannot be fetched") });
    expect(offline).toMatchObject({ reason: expect.stringContaining("no such host") });
  });

  it("builds with go into the cache", async () => {
    await mkdir(join(home, "gobin"));
    const script = `#!/bin/sh
[ "$1" = list ] && exit 0
mkdir -p "$GOBIN"; printf '#!/bin/sh\\necho nats-server: v2.15.1\\n' > "$GOBIN/nats-server"`;
    await writeFile(join(home, "gobin", "go"), script, { mode: 0o755 });
    const outcome = await goInstallStep.find(contextWith({ PATH: `${join(home, "gobin")}:/usr/bin:/bin` }));
    const path = join(home, "cache/bin/nats-server-2.15.1/nats-server");
    expect(outcome).toEqual({ kind: "found", path, version: "2.15.1", source: "go-install" });
    expect(await readdir(join(home, "cache"))).toEqual(["bin"]);
  });
});

describe("the cache", () => {
  it("takes the same version from several processes at once", async () => {
    const context = contextWith({ PATH: "/usr/bin:/bin" });
    const one = async (index: number) => {
      const file = await fakeServer(`cache/tmp-${index}`, version("2.15.1"));
      return install(file, "release", context);
    };
    const outcomes = await Promise.all([1, 2, 3, 4].map(one));
    expect(new Set(outcomes.map((outcome) => outcome.kind))).toEqual(new Set(["found"]));
    expect(await cacheStep.find(context)).toMatchObject({ kind: "found", version: "2.15.1" });
  });

  it("does not take what is too old", async () => {
    const file = await fakeServer("cache/tmp-1", version("2.9.10"));
    const outcome = await install(file, "package", contextWith({}));
    expect(outcome).toMatchObject({ kind: "skipped", reason: expect.stringContaining("2.9.10") });
  });

  it("removes what an earlier process left behind, and its own", async () => {
    const context = contextWith({});
    const [dead, alive] = ["tmp-dead", "tmp-alive"].map((name) => join(context.cacheDir, name));
    await mkdir(dead ?? "", { recursive: true });
    await mkdir(alive ?? "");
    await utimes(dead ?? "", 0, 0);
    await withScratch(context, async () => skipped("nothing"));
    expect(await readdir(context.cacheDir)).toEqual(["tmp-alive"]);
  });

  it("is skipped, with the reason, where it cannot be written", async () => {
    await writeFile(join(home, "cache"), "a file where the directory should be");
    const outcome = await withScratch(contextWith({}), async () => skipped("never"));
    expect(outcome).toMatchObject({ kind: "skipped", reason: expect.stringMatching(/ENOTDIR|EEXIST/) });
  });
});
