/** Stands before thread.ts where muster runs from its sources: Node 20 reads no TypeScript. Not part of the build. */
import { createJiti } from "jiti";

const { pass, ready } = await createJiti(import.meta.url).import("./thread.ts");

export { pass, ready };
