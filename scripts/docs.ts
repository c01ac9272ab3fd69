/** Writes the generated documents: `npm run docs`. */
import { writeFileSync } from "node:fs";
import { protocolDocument } from "./protocol-doc.ts";

writeFileSync(new URL("../docs/protocol.md", import.meta.url), protocolDocument());
