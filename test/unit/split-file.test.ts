import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, utimes } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { removeAbandonedSplits, SplitFile } from "../../src/actors/worker/split-file.ts";

let folder: string;
const before = process.env.TMPDIR;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "muster-abandoned-"));
  process.env.TMPDIR = folder;
});
afterEach(async () => {
  if (before === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = before;
  await rm(folder, { recursive: true });
});

const host = hostname().replace(/[^A-Za-z0-9.]/g, "_");
const ourName = (pid: number | string, host_ = host) => `muster-split-${host_}-${pid}-abc`;

it("what killed workers of this machine left behind is removed, and nothing else", async () => {
  const dead = spawnSync("true").pid;
  const kept = [
    ourName(process.ppid),
    ourName(1),
    ourName(dead, "elsewhere"),
    ourName("x"),
    ourName(0),
    "muster-split-old",
    "other",
  ];
  for (const name of [...kept, ourName(dead)]) await mkdir(join(folder, name));
  const live = await SplitFile.create();
  await removeAbandonedSplits();
  expect((await readdir(folder)).sort()).toEqual([...kept, live.path.split("/").at(-2)].sort());
  await live.remove();
  expect((await readdir(folder)).sort()).toEqual(kept.sort());
});

it("that of a process before us which had our id is removed, too", async () => {
  const path = join(folder, ourName(process.pid));
  await mkdir(path);
  await utimes(path, 1, 1);
  await removeAbandonedSplits();
  expect(await readdir(folder)).toEqual([]);
});

it("no folder for temporary files is no error", async () => {
  process.env.TMPDIR = join(folder, "none");
  await expect(removeAbandonedSplits()).resolves.toBeUndefined();
});
