import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { protocolDocument } from "../../scripts/protocol-doc.ts";
import { ROOT, read } from "./pages.ts";

describe("docs/protocol.md", () => {
  it('is what the code says (else: "npm run docs")', () => {
    expect(read("docs/protocol.md")).toBe(protocolDocument());
  });

  it("lists every broadcast that actors send or listen to", () => {
    const files = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" });
    const sources = files.filter((name) => name.endsWith(".ts")).map((name) => read(join("src", name)));
    const used = sources.flatMap((source) =>
      [...source.matchAll(/\.control\("(\w+)"/g)].map(([, word]) => word),
    );
    const listed = [...protocolDocument().matchAll(/`muster\.control\.(\w+)`/g)].map(([, word]) => word);
    expect(new Set(listed)).toEqual(new Set(used));
  });
});
