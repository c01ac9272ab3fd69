import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nkeys } from "nats";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { resolveConnection } from "../../src/bootstrap/connection.ts";
import { InvalidConfig } from "../../src/errors.ts";

let home: string;
let env: Record<string, string>;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "muster-connection-"));
  env = { HOME: home };
});
afterEach(() => rm(home, { recursive: true, force: true }));

async function saveContext(name: string, fields: object, select = false): Promise<string> {
  const folder = join(home, ".config/nats/context");
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${name}.json`);
  await writeFile(file, JSON.stringify(fields));
  if (select) await writeFile(join(home, ".config/nats/context.txt"), name);
  return file;
}

async function saveSeed(name: string): Promise<string> {
  const file = join(home, name);
  await writeFile(file, `${new TextDecoder().decode(nkeys.createUser().getSeed())}\n`);
  return file;
}

/** What the client would send to sign in. */
function signedIn(options: Awaited<ReturnType<typeof resolveConnection>>["options"]): object {
  const own = Array.isArray(options.authenticator) ? undefined : options.authenticator?.("a-nonce");
  const { user, pass, token } = options;
  return JSON.parse(JSON.stringify({ user, pass, token, ...own }));
}

describe("the server", () => {
  it("is the local one when nothing says another", async () => {
    const settings = await resolveConnection({}, env);
    expect(settings).toMatchObject({ servers: ["nats://127.0.0.1:4222"], source: "default" });
    expect(settings.label).toBe("nats://127.0.0.1:4222");
  });

  it("is the flag's before the variable's before the context's", async () => {
    await saveContext("prod", { url: "nats://context:1" }, true);
    const all = { ...env, NATS_URL: "nats://variable:2" };
    expect(await resolveConnection({ server: "flag:3" }, all)).toMatchObject({
      servers: ["nats://flag:3"],
      source: "flag",
    });
    expect(await resolveConnection({}, all)).toMatchObject({ servers: ["nats://variable:2"], source: "env" });
    expect(await resolveConnection({}, env)).toMatchObject({
      servers: ["nats://context:1"],
      source: "context",
      label: "nats://context:1 (context prod)",
    });
  });

  it("may be several, with or without schemes, IPv6 too", async () => {
    const { servers, options } = await resolveConnection({ server: "a:1, nats://b ,tls://[::1]:3/" }, env);
    expect(servers).toEqual(["nats://a:1", "nats://b", "tls://[::1]:3"]);
    expect(options.tls).toEqual({});
  });

  it("gives up the user and password in its URL to the client, and out of the label", async () => {
    const settings = await resolveConnection(
      { server: "nats://me:p%40ss:w@a:1,nats://me:p%40ss:w@b:2" },
      env,
    );
    expect(settings.servers).toEqual(["nats://a:1", "nats://b:2"]);
    expect(signedIn(settings.options)).toEqual({ user: "me", pass: "p@ss:w" });
    expect(settings.label).not.toContain("ss:w");
    expect(signedIn((await resolveConnection({ server: "tok@a:1" }, env)).options)).toEqual({ token: "tok" });
  });

  it.each([
    ["ws://a:1", "ws://"],
    ["http://a", "http://"],
    ["nats://a:99999", "a:99999"],
    ["nats://u:secret@a b", "a b"],
    [" , ", "names no server"],
    ["nats://x:1@a,nats://y:2@b", "same user"],
  ])("is refused as %s, without a secret in the message", async (server, words) => {
    const resolving = resolveConnection({ server }, env);
    await expect(resolving).rejects.toThrow(InvalidConfig);
    await expect(resolving).rejects.toThrow(/^--server/);
    await expect(resolving).rejects.toThrow(words);
    await expect(resolving).rejects.not.toThrow("secret");
  });
});

describe("staying connected", () => {
  it("is set so that the client never gives up and notices a dead link", async () => {
    const { options } = await resolveConnection({ name: "muster worker", inboxPrefix: "_INBOX_w" }, env);
    expect(options).toMatchObject({
      maxReconnectAttempts: -1,
      reconnectTimeWait: 250,
      pingInterval: 10_000,
      maxPingOut: 2,
      noAsyncTraces: true,
      name: "muster worker",
      inboxPrefix: "_INBOX_w",
    });
  });
});

describe("a context", () => {
  it("is the flag's before NATS_CONTEXT before the selected one", async () => {
    for (const name of ["a", "b", "c"]) await saveContext(name, { url: `nats://${name}:1` }, name === "c");
    const variable = { ...env, NATS_CONTEXT: "b" };
    expect((await resolveConnection({ context: "a" }, variable)).servers).toEqual(["nats://a:1"]);
    expect((await resolveConnection({}, variable)).servers).toEqual(["nats://b:1"]);
    expect((await resolveConnection({}, env)).servers).toEqual(["nats://c:1"]);
  });

  it("may be a path", async () => {
    const file = join(home, "elsewhere.json");
    await writeFile(file, JSON.stringify({ url: "nats://e:1" }));
    expect(await resolveConnection({}, { ...env, NATS_CONTEXT: file })).toMatchObject({
      servers: ["nats://e:1"],
      label: "nats://e:1 (context elsewhere)",
    });
  });

  it("is read from XDG_CONFIG_HOME", async () => {
    await saveContext("a", { url: "nats://a:1" });
    const settings = await resolveConnection(
      { context: "a" },
      { HOME: "/nowhere", XDG_CONFIG_HOME: join(home, ".config") },
    );
    expect(settings.servers).toEqual(["nats://a:1"]);
  });

  it("gives its prefixes and domain, which flags overrule", async () => {
    const fields = { inbox_prefix: "_IN", jetstream_domain: "hub", jetstream_api_prefix: "JS.other" };
    await saveContext("a", fields, true);
    const plain = await resolveConnection({}, env);
    expect(plain).toMatchObject({
      inboxPrefix: "_IN",
      jetstreamDomain: "hub",
      jetstreamApiPrefix: "JS.other",
    });
    expect(plain.options.inboxPrefix).toBe("_IN");
    expect((await resolveConnection({ inboxPrefix: "_MINE" }, env)).options.inboxPrefix).toBe("_MINE");
  });

  it("has ~ and variables expanded in its paths, and nowhere else", async () => {
    await saveSeed("user.nk");
    await saveContext("tilde", { nkey: "~/user.nk" });
    await saveContext("braces", { nkey: `\${WHERE}/user.nk` });
    await saveContext("plain", { user: "$WHERE", password: "~p" });
    const where = { ...env, WHERE: home };
    for (const context of ["tilde", "braces"]) {
      const { options } = await resolveConnection({ context }, where);
      expect(signedIn(options)).toMatchObject({ nkey: expect.stringMatching(/^U[A-Z2-7]{55}$/) });
    }
    const { options } = await resolveConnection({ context: "plain" }, where);
    expect(signedIn(options)).toEqual({ user: "$WHERE", pass: "~p" });
  });

  it("is refused, by the name of who names it, when it is not there", async () => {
    await expect(resolveConnection({ context: "gone" }, env)).rejects.toThrow(
      /^--context names the NATS context "gone"/,
    );
    await expect(resolveConnection({}, { ...env, NATS_CONTEXT: "../x" })).rejects.toThrow(
      /^NATS_CONTEXT names/,
    );
    await saveContext("gone", {}, true);
    await rm(join(home, ".config/nats/context/gone.json"));
    await expect(resolveConnection({}, env)).rejects.toThrow(/context\.txt names the NATS context "gone"/);
  });

  it("is refused when it is no context, or asks for what muster cannot do", async () => {
    const broken = await saveContext("broken", {});
    await writeFile(broken, '{"password": "secret" oops');
    await expect(resolveConnection({ context: "broken" }, env)).rejects.toThrow(
      `${broken} is not valid JSON`,
    );
    await saveContext("typed", { url: 5 });
    await expect(resolveConnection({ context: "typed" }, env)).rejects.toThrow(
      /typed\.json is not a NATS context.*url/s,
    );
    await saveContext("proxied", { socks_proxy: "socks5://x" });
    await expect(resolveConnection({ context: "proxied" }, env)).rejects.toThrow("socks_proxy");
  });
});

describe("signing in", () => {
  it("takes a user without a password for a token, in flags and variables", async () => {
    expect(signedIn((await resolveConnection({ user: "t" }, env)).options)).toEqual({ token: "t" });
    const variables = { ...env, NATS_USER: "u", NATS_PASSWORD: "p" };
    expect(signedIn((await resolveConnection({}, variables)).options)).toEqual({ user: "u", pass: "p" });
    await saveContext("a", { user: "u" });
    expect(signedIn((await resolveConnection({ context: "a" }, env)).options)).toEqual({
      user: "u",
      pass: "",
    });
  });

  it("never sends a context's password with a flag's user, nor overrules a flag by a context", async () => {
    await saveContext("a", { user: "u", password: "p" }, true);
    expect(signedIn((await resolveConnection({ user: "other" }, env)).options)).toEqual({ token: "other" });
    const nkey = await saveSeed("user.nk");
    expect(signedIn((await resolveConnection({ nkey }, env)).options)).toMatchObject({
      nkey: expect.any(String),
    });
    expect(signedIn((await resolveConnection({ password: "new" }, env)).options)).toEqual({
      user: "u",
      pass: "new",
    });
  });

  it("resolves env:// and data: as the nats command line does", async () => {
    const seed = new TextDecoder().decode(nkeys.createUser().getSeed());
    await saveContext("a", { nkey: `data:;base64,${Buffer.from(seed).toString("base64")}` });
    expect(signedIn((await resolveConnection({ context: "a" }, env)).options)).toMatchObject({
      nkey: expect.any(String),
    });
    await saveContext("b", { user: "u", password: "env://SECRET" });
    const { options } = await resolveConnection({ context: "b" }, { ...env, SECRET: "s" });
    expect(signedIn(options)).toEqual({ user: "u", pass: "s" });
  });

  it("refuses files that are not there or not what they should be, by the name of who names them", async () => {
    await expect(resolveConnection({ creds: join(home, "no") }, env)).rejects.toThrow(/^--creds: .*ENOENT/);
    const empty = join(home, "empty");
    await writeFile(empty, "nothing");
    await expect(resolveConnection({}, { ...env, NATS_CREDS: empty })).rejects.toThrow(
      /^NATS_CREDS: .*credentials file/,
    );
    await expect(resolveConnection({ nkey: empty }, env)).rejects.toThrow(/^--nkey: no nkey seed/);
    await writeFile(empty, `SU${"A".repeat(56)}`);
    await expect(resolveConnection({ nkey: empty }, env)).rejects.toThrow(
      /^--nkey: the nkey seed in it is damaged/,
    );
    await saveContext("a", { creds: "op://vault/item" });
    await expect(resolveConnection({ context: "a" }, env)).rejects.toThrow(/a\.json: creds: .*op:\/\//);
  });
});

describe("TLS", () => {
  it("is asked for by its files", async () => {
    const file = join(home, "some.pem");
    await writeFile(file, "");
    const { options } = await resolveConnection({ tlsca: file }, { ...env, NATS_CERT: file, NATS_KEY: file });
    expect(options.tls).toEqual({ caFile: file, certFile: file, keyFile: file });
  });

  it("takes the handshake first where the context says so", async () => {
    await saveContext("a", { tls_first: true });
    const { options } = await resolveConnection({ context: "a" }, env);
    expect(options.tls).toEqual({ handshakeFirst: true });
  });

  it("is refused with half a pair or a file that is not there", async () => {
    await expect(resolveConnection({ tlsca: join(home, "no") }, env)).rejects.toThrow(
      /^--tlsca: .*no cannot be read/,
    );
    const file = join(home, "some.pem");
    await writeFile(file, "");
    await expect(resolveConnection({}, { ...env, NATS_CERT: file })).rejects.toThrow(
      /^NATS_CERT: .*needs its key/,
    );
  });
});
