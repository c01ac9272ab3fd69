import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { formatSource, parseDeb822, parseOneLine } from "../../src/bootstrap/server/apt-sources.ts";
import { newestSuiteOf } from "../../src/bootstrap/server/newest-suite.ts";
import { packageStep } from "../../src/bootstrap/server/package.ts";
import type { SearchContext } from "../../src/bootstrap/server/step.ts";

const DEB822 = `# a comment
Types: deb deb-src
URIs: http://mirror.test/debian
# another
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQINBF
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb
URIs: http://mirror.test/security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
Enabled: no
URIs: http://off.test/debian
Suites: bookworm
Components: main
`;

describe("apt's sources", () => {
  it("are read in the newer form, with a key that stands in the file itself", () => {
    const sources = parseDeb822(DEB822);
    expect(sources.map(({ uris }) => uris)).toEqual([
      ["http://mirror.test/debian"],
      ["http://mirror.test/security"],
    ]);
    expect(sources[0]?.signedBy).toContain("\n mQINBF\n");
    expect(sources[1]?.signedBy).toBe("/usr/share/keyrings/debian-archive-keyring.gpg");
    expect(parseDeb822(formatSource(sources[0] ?? never())).at(0)).toEqual(sources[0]);
  });

  it("are read in the older form", () => {
    const text = `# deb http://off.test/debian bookworm main
deb [arch=amd64 signed-by=/k.gpg] http://mirror.test/debian bookworm main contrib # why
deb-src http://mirror.test/debian bookworm main`;
    expect(parseOneLine(text)).toEqual([
      {
        uris: ["http://mirror.test/debian"],
        suites: ["bookworm"],
        components: ["main", "contrib"],
        signedBy: "/k.gpg",
      },
    ]);
  });

  it("give the newest suite's source from the mirror of the machine's own release", () => {
    const newest = newestSuiteOf(parseDeb822(DEB822), "bookworm");
    expect(newest).toMatchObject({
      uris: ["http://mirror.test/debian"],
      suites: ["sid"],
      components: ["main"],
    });
    expect(newest?.signedBy).toContain("mQINBF");
    expect(newestSuiteOf(parseDeb822(DEB822), "trixie")).toBeUndefined();
  });
});

function never(): never {
  throw new Error("not there");
}

describe("the distribution's package", () => {
  let home: string;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), "muster-apt-"));
    await mkdir(join(home, "bin"));
  });
  afterEach(() => rm(home, { recursive: true, force: true }));

  /** Programs in place of apt's, which do what those do as far as the step sees. */
  async function fakeApt(candidate: string): Promise<SearchContext> {
    const scripts = {
      "apt-cache": `echo "nats-server:"; echo "  Installed: (none)"; echo "  Candidate: ${candidate}"`,
      "apt-get": 'for last; do :; done; echo package > "$last"_1_amd64.deb',
      dpkg: `mkdir -p "$3/usr/sbin"; printf '#!/bin/sh\\necho nats-server: v2.14.5\\n' > "$3/usr/sbin/nats-server"
chmod 755 "$3/usr/sbin/nats-server"`,
    };
    for (const [name, script] of Object.entries(scripts)) {
      await writeFile(join(home, "bin", name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    }
    const { signal } = new AbortController();
    const env = { PATH: `${join(home, "bin")}:/usr/bin:/bin` };
    return { env, cacheDir: join(home, "cache"), releaseBaseUrl: "", silenceMs: 1000, signal };
  }

  it("is unpacked into the cache when it is new enough", async () => {
    const outcome = await packageStep.find(await fakeApt("1:2.14.5-1+b3"));
    const path = join(home, "cache/bin/nats-server-2.14.5/nats-server");
    expect(outcome).toEqual({ kind: "found", path, version: "2.14.5", source: "package" });
    expect(await readdir(join(home, "cache"))).toEqual(["bin"]);
  });

  it("is not fetched when it is too old", async () => {
    const outcome = await packageStep.find(await fakeApt("2.9.10-1+b3"));
    expect(outcome).toMatchObject({ kind: "skipped", reason: expect.stringContaining("2.9.10") });
  });

  it("is skipped when apt does not know it, or is not there", async () => {
    const unknown = await packageStep.find(await fakeApt("(none)"));
    expect(unknown).toMatchObject({ kind: "skipped", reason: expect.stringContaining("knows no package") });
    const context = { ...(await fakeApt("(none)")), env: { PATH: home } };
    expect(await packageStep.find(context)).toMatchObject({ reason: "apt-get is not on PATH" });
  });
});
