import { randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { InvalidBody } from "../../src/errors.ts";
import { compressed, inflated } from "../../src/protocol/compression.ts";

const LIMIT = 1024 * 1024;
const subject = "muster.tasks.k.normal.j";
const large = JSON.stringify(Array.from({ length: 10_000 }, (_, i) => `item ${i}`));
const noise = randomBytes(100_000);

function read(data: Uint8Array, headers: Record<string, string>) {
  return inflated({ subject, data, headers }, LIMIT);
}

describe("a large body", () => {
  it("comes back as it was, and its header is gone", () => {
    const { data, headers } = compressed({ headers: { "Muster-Items": "0-1/2" }, data: large }, "gzip");
    expect(headers).toEqual({ "Muster-Items": "0-1/2", "Content-Encoding": "gzip" });
    expect(data.length).toBeLessThan(large.length / 3);
    const plain = read(data as unknown as Uint8Array, headers);
    expect(Buffer.from(plain.data).toString()).toBe(large);
    expect(plain.headers).toEqual({ "Muster-Items": "0-1/2" });
  });

  it("stays as it is where nobody asked, where it is small, and where compressing does not help", () => {
    const same = (data: string | Uint8Array, how?: "none" | "gzip") => {
      const message = { headers: {}, data };
      return compressed(message, how) === message;
    };
    expect([same(large), same(large, "none"), same("x".repeat(65_535), "gzip")]).toEqual([true, true, true]);
    expect(same(noise, "gzip")).toBe(true);
    expect(same("x".repeat(65_536), "gzip")).toBe(false);
  });
});

describe("a body that says it is compressed", () => {
  it("is read whatever the header's case, by name and by value", () => {
    const { data } = read(gzipSync("[1]"), { "content-encoding": "GZIP" });
    expect(Buffer.from(data).toString()).toBe("[1]");
  });

  it("is not looked at where it does not say so", () => {
    const message = { subject, data: gzipSync("[1]"), headers: { "Content-Type": "image/png" } };
    expect(inflated(message, LIMIT)).toBe(message);
  });

  it.each([
    ["no gzip", Buffer.from("[1,2,3]"), "gzip", "no whole gzip data"],
    ["empty", Buffer.alloc(0), "gzip", "no whole gzip data"],
    ["cut short", gzipSync(large).subarray(0, 500), "gzip", "no whole gzip data"],
    ["of another kind", gzipSync("[1]"), "br", "only gzip is known"],
    ["a bomb", gzipSync(Buffer.alloc(64 * LIMIT)), "gzip", "more than 1048576 bytes"],
    ["a byte too large", gzipSync(Buffer.alloc(LIMIT + 1)), "gzip", "more than 1048576 bytes"],
  ])("and is %s is refused", (_, data, encoding, said) => {
    const reading = () => read(data, { "Content-Encoding": encoding });
    expect(reading).toThrow(InvalidBody);
    expect(reading).toThrow(said);
  });

  it("may be as large as a message", () => {
    expect(read(gzipSync(Buffer.alloc(LIMIT)), { "Content-Encoding": "gzip" }).data.length).toBe(LIMIT);
  });
});
