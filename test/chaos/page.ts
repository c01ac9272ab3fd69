/** Puts a run's table into a page, between the markers of its kind. */
import { readFile, writeFile } from "node:fs/promises";

/** The kinds of runs that the page has a place for. */
export type Section = "single" | "cluster" | "disk" | "calm" | "soak" | "noise";

/** Replaces what stands between `<!-- chaos: SECTION -->` and `<!-- chaos: end -->`. @throws where there is no such place */
export async function writeSection(file: string, section: Section, text: string): Promise<void> {
  const page = await readFile(file, "utf8");
  const begin = `<!-- chaos: ${section} -->`;
  const from = page.indexOf(begin);
  const to = page.indexOf("<!-- chaos: end -->", from);
  if (from < 0 || to < 0)
    throw new Error(`${file} has no place for "${section}": ${begin} … <!-- chaos: end -->`);
  await writeFile(file, `${page.slice(0, from + begin.length)}\n\n${text}\n\n${page.slice(to)}`);
}
