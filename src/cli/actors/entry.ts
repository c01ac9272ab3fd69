/** The file that the actors' processes run. */
import { fileURLToPath } from "node:url";

/** muster's own main file. */
export const ENTRY = fileURLToPath(new URL("../main.js", import.meta.url));
