import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { connect, type NodeConnectionOptions, nkeys } from "nats";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { resolveConnection } from "../../src/bootstrap/connection.ts";
import { launchServer, type RunningServer } from "../../src/bootstrap/server/launch.ts";
import { locateServer } from "../../src/bootstrap/server/locate.ts";
import { executablesOnPath } from "../../src/bootstrap/server/path.ts";

type KeyPair = ReturnType<typeof nkeys.createUser>;

const run = promisify(execFile);
const { path } = await locateServer({ env: process.env, allowInstall: true });
const [nats] = await executablesOnPath("nats", process.env);
const [openssl] = await executablesOnPath("openssl", process.env);

let home: string;
let env: Record<string, string>;
let server: RunningServer | undefined;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "muster-sign-in-"));
  env = { HOME: home, XDG_CONFIG_HOME: join(home, "config") };
});
afterEach(async () => {
  await server?.kill();
  server = undefined;
  await rm(home, { recursive: true, force: true });
});

async function launch(extraConfig: string): Promise<string> {
  server = await launchServer({ path, storeDir: join(home, "store"), extraConfig });
  return server.url;
}

/** Connects, asks the server for an answer, and says which user it takes us for. */
async function whoAmI(options: NodeConnectionOptions): Promise<string | undefined> {
  const connection = await connect({ ...options, reconnect: false });
  try {
    await connection.flush();
    const answer = await connection.request("$SYS.REQ.USER.INFO", "", { timeout: 2000 });
    return answer.json<{ data: { user: string } }>().data.user;
  } finally {
    await connection.close();
  }
}

const refused = /authorization violation|authentication/i;

async function save(name: string, content: string): Promise<string> {
  const file = join(home, name);
  await writeFile(file, content);
  return file;
}

const seedOf = (pair: KeyPair) => new TextDecoder().decode(pair.getSeed());

describe("muster signs in to a real server", () => {
  it("with a user and a password", async () => {
    const url = await launch('authorization { user: "ann", password: "p@ss:word" }');
    const { options } = await resolveConnection({ server: url, user: "ann", password: "p@ss:word" }, env);
    expect(await whoAmI(options)).toBe("ann");
    const inUrl = url.replace("nats://", "nats://ann:p%40ss%3Aword@");
    expect(await whoAmI((await resolveConnection({ server: inUrl }, env)).options)).toBe("ann");
    const wrong = await resolveConnection({ server: url, user: "ann", password: "wrong" }, env);
    await expect(whoAmI(wrong.options)).rejects.toThrow(refused);
  });

  it("with a token", async () => {
    const url = await launch('authorization { token: "s3cret" }');
    await whoAmI((await resolveConnection({ server: url, token: "s3cret" }, env)).options);
    await whoAmI((await resolveConnection({ server: url }, { ...env, NATS_USER: "s3cret" })).options);
    const without = await resolveConnection({ server: url }, env);
    await expect(whoAmI(without.options)).rejects.toThrow(refused);
  });

  it("with an nkey", async () => {
    const [ann, bob] = [nkeys.createUser(), nkeys.createUser()];
    const url = await launch(`authorization { users: [ { nkey: ${ann.getPublicKey()} } ] }`);
    const nkey = await save("ann.nk", `${seedOf(ann)}\n`);
    expect(await whoAmI((await resolveConnection({ server: url, nkey }, env)).options)).toBe(
      ann.getPublicKey(),
    );
    const other = await resolveConnection({ server: url, nkey: await save("bob.nk", seedOf(bob)) }, env);
    await expect(whoAmI(other.options)).rejects.toThrow(refused);
  });

  it("with a credentials file, which may be renewed while it runs", async () => {
    const [operator, account] = [nkeys.createOperator(), nkeys.createAccount()];
    const url = await launch(operatorConfig(operator, account));
    const [ann, bob] = [nkeys.createUser(), nkeys.createUser()];
    const creds = await save("user.creds", credsFile(ann, account));
    const { options } = await resolveConnection({ server: url }, { ...env, NATS_CREDS: creds });
    expect(await whoAmI(options)).toBe(ann.getPublicKey());
    await save("user.creds", credsFile(bob, account).replace(/\n/g, "\r\n"));
    expect(await whoAmI(options)).toBe(bob.getPublicKey());
    const forged = await save("forged.creds", credsFile(ann, nkeys.createAccount()));
    await expect(
      whoAmI((await resolveConnection({ server: url, creds: forged }, env)).options),
    ).rejects.toThrow(refused);
  });

  it.skipIf(openssl === undefined)("over TLS, with a certificate of its own", async () => {
    const { ca, cert, key } = await makeCertificates(openssl ?? "");
    const tls = `tls { cert_file: "${cert}", key_file: "${key}", ca_file: "${ca}", verify: true }`;
    const url = (await launch(tls)).replace("nats://", "tls://");
    const files = { server: url, tlsca: ca, tlscert: cert, tlskey: key };
    await whoAmI((await resolveConnection(files, env)).options);
    const { tlsca, server: address } = files;
    const anonymous = await resolveConnection({ server: address, tlsca }, env);
    await expect(whoAmI(anonymous.options)).rejects.toThrow();
    const untrusting = await resolveConnection({ ...files, tlsca: undefined }, env);
    await expect(whoAmI(untrusting.options)).rejects.toThrow(/certificate/);
  });

  it.skipIf(nats === undefined)("as the nats command line's contexts say", async () => {
    const url = await launch('authorization { user: "ann", password: "secret" }');
    const cli = (...args: string[]) =>
      run(nats ?? "", args, { env: { ...env, PATH: process.env.PATH ?? "" } });
    await cli(
      "context",
      "save",
      "one",
      "--server",
      url,
      "--user",
      "ann",
      "--password",
      "secret",
      "--inbox-prefix",
      "_IN.one",
    );
    await cli("context", "save", "two", "--server", "nats://127.0.0.1:1,nats://127.0.0.1:2", "--user", "tok");
    await cli("context", "select", "one");
    const selected = await resolveConnection({}, env);
    expect(selected).toMatchObject({
      source: "context",
      inboxPrefix: "_IN.one",
      label: `${url} (context one)`,
    });
    expect(await whoAmI(selected.options)).toBe("ann");
    const other = await resolveConnection({}, { ...env, NATS_CONTEXT: "two" });
    expect(other.servers).toEqual(["nats://127.0.0.1:1", "nats://127.0.0.1:2"]);
    expect(other.options).toMatchObject({ token: "tok" });
  });
});

// ── a JWT is two lines of JSON and a signature of them ─────────────────────────────────────────────────────────

function jwt(subject: KeyPair, issuer: KeyPair, type: "operator" | "account" | "user"): string {
  const base64 = (bytes: string | Uint8Array) => Buffer.from(bytes).toString("base64url");
  const limits = {
    subs: -1,
    data: -1,
    payload: -1,
    imports: -1,
    exports: -1,
    wildcards: true,
    conn: -1,
    leaf: -1,
  };
  const claims = {
    jti: randomBytes(16).toString("hex"),
    iat: Math.floor(Date.now() / 1000),
    iss: issuer.getPublicKey(),
    sub: subject.getPublicKey(),
    name: type,
    nats: { type, version: 2, ...(type === "account" ? { limits } : { subs: -1, data: -1, payload: -1 }) },
  };
  const body = `${base64('{"typ":"JWT","alg":"ed25519-nkey"}')}.${base64(JSON.stringify(claims))}`;
  return `${body}.${base64(issuer.sign(new TextEncoder().encode(body)))}`;
}

/** JetStream under an operator wants a system account. */
function operatorConfig(operator: KeyPair, account: KeyPair): string {
  const system = nkeys.createAccount();
  const preload = [system, account].map(
    (each) => `${each.getPublicKey()}: ${jwt(each, operator, "account")}`,
  );
  return `operator: ${jwt(operator, operator, "operator")}
system_account: ${system.getPublicKey()}
resolver: MEMORY
resolver_preload: {
${preload.join("\n")}
}`;
}

function credsFile(user: KeyPair, account: KeyPair): string {
  return `-----BEGIN NATS USER JWT-----
${jwt(user, account, "user")}
------END NATS USER JWT------

************************* IMPORTANT *************************

-----BEGIN USER NKEY SEED-----
${seedOf(user)}
------END USER NKEY SEED------
`;
}

async function makeCertificates(tool: string): Promise<{ ca: string; cert: string; key: string }> {
  const [ca, caKey, cert, key, request, names] = ["ca.pem", "ca.key", "c.pem", "c.key", "c.csr", "names"].map(
    (name) => join(home, name),
  ) as [string, string, string, string, string, string];
  const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  await writeFile(names, "subjectAltName=IP:127.0.0.1,DNS:localhost");
  await run(tool, [
    "req",
    "-x509",
    ...ec,
    "-keyout",
    caKey,
    "-out",
    ca,
    "-days",
    "1",
    "-subj",
    "/CN=test authority",
  ]);
  await run(tool, ["req", ...ec, "-keyout", key, "-out", request, "-subj", "/CN=test"]);
  const sign = ["x509", "-req", "-in", request, "-CA", ca, "-CAkey", caKey, "-CAcreateserial"];
  await run(tool, [...sign, "-out", cert, "-days", "1", "-extfile", names]);
  return { ca, cert, key };
}
