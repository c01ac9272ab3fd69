import { promisify } from "node:util";
import { gunzip, inflateRaw } from "node:zlib";

/** The unpacked server is about 20 MB. */
const UNPACKED_LIMIT = 256 * 1024 * 1024;
const BLOCK = 512;
const ZIP_END = 0x06054b50;
const ZIP_ENTRY = 0x02014b50;

const unzipGz = promisify(gunzip);
const inflate = promisify(inflateRaw);

/**
 * Takes one file out of a `.tar.gz` or `.zip` archive, by its base name. Only that file's bytes are read: no path in the
 * archive is ever used as a path here. Undefined when the archive holds no such file.
 */
export async function extractFile(
  archive: Buffer,
  archiveName: string,
  name: string,
): Promise<Buffer | undefined> {
  if (archiveName.endsWith(".zip")) return extractFromZip(archive, name);
  const tar = await unzipGz(archive, { maxOutputLength: UNPACKED_LIMIT });
  return extractFromTar(tar, name);
}

function extractFromTar(tar: Buffer, name: string): Buffer | undefined {
  for (let at = 0; at + BLOCK <= tar.length; ) {
    const size = Number.parseInt(text(tar, at + 124, 12), 8) || 0;
    const body = at + BLOCK;
    if (isRegularFile(tar, at) && baseName(text(tar, at, 100)) === name)
      return tar.subarray(body, body + size);
    at = body + Math.ceil(size / BLOCK) * BLOCK;
  }
  return undefined;
}

function isRegularFile(tar: Buffer, at: number): boolean {
  const type = tar[at + 156];
  return type === 0x30 || type === 0;
}

async function extractFromZip(zip: Buffer, name: string): Promise<Buffer | undefined> {
  const end = zip.lastIndexOf(word(ZIP_END));
  if (end < 0) return undefined;
  let at = zip.readUInt32LE(end + 16);
  while (at + 46 <= zip.length && zip.readUInt32LE(at) === ZIP_ENTRY) {
    const nameLength = zip.readUInt16LE(at + 28);
    if (baseName(zip.toString("utf8", at + 46, at + 46 + nameLength)) === name) return zipBody(zip, at);
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  return undefined;
}

async function zipBody(zip: Buffer, entry: number): Promise<Buffer> {
  const method = zip.readUInt16LE(entry + 10);
  const size = zip.readUInt32LE(entry + 20);
  const local = zip.readUInt32LE(entry + 42);
  const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
  const packed = zip.subarray(start, start + size);
  return method === 0 ? packed : inflate(packed, { maxOutputLength: UNPACKED_LIMIT });
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function text(bytes: Buffer, at: number, length: number): string {
  const end = bytes.indexOf(0, at);
  return bytes.toString("utf8", at, end < 0 || end > at + length ? at + length : end).trim();
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
