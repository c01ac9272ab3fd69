/** Writes the generated documents: `npm run docs`. */
import { writeFileSync } from "node:fs";
import { plantedDocument } from "./planted-doc.ts";
import { protocolDocument } from "./protocol-doc.ts";

writeFileSync(new URL("../docs/protocol.md", import.meta.url), protocolDocument());
writeFileSync(new URL("../docs/planted-bugs.md", import.meta.url), plantedDocument());
