import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { table } from "../../scripts/markdown.ts";
import { STEPS } from "../chaos/crash-points.ts";

const PAGE = new URL("../../docs/reliability.md", import.meta.url);

/** Cells without the blanks that a formatter puts there. */
const squeezed = (text: string) => text.replaceAll(/ +/g, " ");

describe("the table of crash points in docs/reliability.md", () => {
  it("names each step of each actor, as the code does", () => {
    const rows = Object.entries(STEPS).flatMap(([role, steps]) =>
      Object.entries(steps).map(([step, does]) => [`\`${role}.${step}\``, does]),
    );
    const expected = table(["step", "the actor…"], rows);
    expect(squeezed(readFileSync(PAGE, "utf8"))).toContain(expected);
  });
});
