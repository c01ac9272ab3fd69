import { expect, it } from "vitest";
import { plantedDocument } from "../../scripts/planted-doc.ts";
import { read } from "./pages.ts";

it('docs/planted-bugs.md is what the simulation says (else: "npm run docs")', () => {
  expect(read("docs/planted-bugs.md")).toBe(plantedDocument());
});
