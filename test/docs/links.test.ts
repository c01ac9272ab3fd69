import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { anchorsOf, exists, linksOf, pages, proseOf, ROOT, read } from "./pages.ts";

/** Paths of the project that prose names: `src/…`, `docs/…`. */
const PATH = /`((?:src|docs|test|scripts|examples|bench)\/[\w./-]*|\.ci\/\w+)`/g;

describe("what the documents point at", () => {
  const links = pages().flatMap(linksOf);

  it("exists, for every link", () => {
    expect(links.length).toBeGreaterThan(40);
    expect(links.filter(({ file }) => !exists(file))).toEqual([]);
  });

  it("has the heading, for every link to one", () => {
    const anchored = links.filter(({ file, anchor }) => anchor !== undefined && exists(file));
    expect(anchored.length).toBeGreaterThan(5);
    expect(anchored.filter(({ file, anchor = "" }) => !anchorsOf(read(file)).includes(anchor))).toEqual([]);
  });

  it("exists, for every file that prose names", () => {
    const named = pages().flatMap((page) =>
      [...proseOf(page).matchAll(PATH)].map(([, path = ""]) => ({ page: page.path, path })),
    );
    expect(named.length).toBeGreaterThan(15);
    expect(named.filter(({ path }) => !exists(path))).toEqual([]);
  });

  it("exists, for every document that the source names", () => {
    const files = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" });
    const named = files
      .filter((name) => name.endsWith(".ts"))
      .flatMap((file) =>
        [...read(join("src", file)).matchAll(/docs\/[\w/-]+\.md/g)].map(([path]) => ({ file, path })),
      );
    expect(named.length).toBeGreaterThan(3);
    expect(named.filter(({ path }) => !exists(path))).toEqual([]);
  });
});
