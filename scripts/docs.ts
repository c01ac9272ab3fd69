/** Writes the generated documents: `npm run docs`. */
import { writeFileSync } from "node:fs";
import { apiDocument, readApi } from "./api/page.ts";
import { plantedDocument } from "./planted-doc.ts";
import { protocolDocument } from "./protocol-doc.ts";

const write = (name: string, text: string) =>
  writeFileSync(new URL(`../docs/${name}`, import.meta.url), text);

write("protocol.md", protocolDocument());
write("api.md", apiDocument(readApi()));
write("planted-bugs.md", plantedDocument());
