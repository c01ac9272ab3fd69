import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadHandlers } from "../../src/actors/handlers/registry.ts";
import { HandlerModuleInvalid, UnknownKind } from "../../src/errors.ts";

let cwd: string;

beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), "muster-handlers-"));
});

afterEach(() => rm(cwd, { recursive: true, force: true }));

async function load(modules: Record<string, string>) {
  for (const [name, source] of Object.entries(modules)) await writeFile(join(cwd, name), source);
  return loadHandlers(Object.keys(modules), { cwd });
}

async function refusal(modules: Record<string, string>): Promise<string> {
  const error = await load(modules).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(HandlerModuleInvalid);
  return (error as HandlerModuleInvalid).message;
}

const users = (kinds: readonly string[]) =>
  kinds.filter((kind) => !["double", "echo", "fail", "primes", "sleep"].includes(kind));

describe("loading handler modules", () => {
  it("knows the built-in kinds without any module", async () => {
    const set = await load({});
    expect(set.kinds).toEqual(["double", "echo", "fail", "primes", "sleep"]);
    expect(set.get("sleep")).toMatchObject({ inline: true, source: "built in" });
    expect(set.get("primes")).toMatchObject({ inline: false });
    expect(set.overrides).toEqual([]);
  });

  it.each([
    ["square.mjs", "export default (n) => n * n;", ["square"]],
    ["many.mjs", "export default { 'a-b': (n) => n, c_d: (n) => n };", ["a-b", "c_d"]],
    ["named.mjs", "export function up() {}\nexport const down = async () => {};", ["down", "up"]],
    ["both.mjs", "export const more = () => 1;\nexport default () => 2;", ["both", "more"]],
    ["twice.mjs", "export function twice() {}\nexport default twice;", ["twice"]],
    ["one.cjs", "module.exports = (n) => n;", ["one"]],
    ["some.cjs", "exports.x = (n) => n; exports.y = (n) => n;", ["x", "y"]],
    [
      "compiled.cjs",
      "Object.defineProperty(exports, '__esModule', { value: true });\nexports.default = () => 1; exports.extra = () => 2;",
      ["compiled", "extra"],
    ],
    ["typed.ts", "enum E { A = 2 }\nexport const t = (n: number): number => n * E.A;", ["t"]],
    ["typed-default.mts", "export default function (n: number): number { return n }", ["typed-default"]],
    ["waits.mjs", "const f = await Promise.resolve((n) => n);\nexport { f };", ["f"]],
  ])("takes the handlers of %s", async (file, source, kinds) => {
    const set = await load({ [file]: source });
    expect(users(set.kinds)).toEqual(kinds);
    expect(set.files).toEqual([join(cwd, file)]);
    for (const kind of kinds) expect(set.get(kind)?.source).toBe(join(cwd, file));
  });

  it("reads a handler's properties", async () => {
    const source = `export const f = Object.assign(() => 1, { inline: true, timeout: 50, maxAttempts: 4 });`;
    expect((await load({ "f.mjs": source })).get("f")).toMatchObject({
      inline: true,
      timeout: 50,
      maxAttempts: 4,
    });
  });

  it("takes an export named reduce as the module's reducer, and a handler's own before it", async () => {
    const set = await load({
      "r.mjs": `export const reduce = (a, b) => a + b;
        export const plain = () => 1;
        export const own = Object.assign(() => 1, { reduce: { init: () => 0, step: (a) => a, combine: (a) => a } });`,
    });
    expect(users(set.kinds)).toEqual(["own", "plain"]);
    expect(set.get("plain")?.reduce).toBeTypeOf("function");
    expect(set.get("own")?.reduce).toHaveProperty("combine");
  });

  it("lets a user's kind win over a built-in one, and says so", async () => {
    const set = await load({ "mine.mjs": "export const double = (n) => n + n;" });
    expect(set.overrides).toEqual(["double"]);
    expect(set.get("double")?.source).toBe(join(cwd, "mine.mjs"));
  });

  it("counts a file that is named twice once", async () => {
    await writeFile(join(cwd, "f.mjs"), "export const f = () => 1;");
    const set = await loadHandlers(["f.mjs", "./f.mjs", join(cwd, "f.mjs")], { cwd });
    expect(set.files).toHaveLength(1);
  });

  it("names the kinds that it knows when one is missing", async () => {
    const set = await load({});
    expect(set.get("nope")).toBeUndefined();
    expect(() => set.need("nope")).toThrow(UnknownKind);
    expect(() => set.need("nope")).toThrow(/"nope".*double, echo/);
  });
});

describe("a handler module that cannot be used", () => {
  it.each([
    [
      "has a syntax error",
      { "bad.mjs": "export const a = 1;\nexport function b( {\n" },
      /bad\.mjs: syntax error at 3:/,
    ],
    [
      "has a syntax error in CommonJS",
      { "bad.cjs": "exports.a = 1;\nconst x = = 3;\n" },
      /bad\.cjs: syntax error at 2:11/,
    ],
    [
      "has a syntax error in TypeScript",
      { "bad.ts": "export const f = (n: number): => n;\n" },
      /bad\.ts: syntax error at 1:/,
    ],
    [
      "throws while loading",
      { "boom.mjs": "const a = 1;\nthrow new Error('no database');" },
      /no database \(at 2:7\)/,
    ],
    [
      "imports what is not there",
      { "dep.mjs": "import 'nowhere-to-be-found';\nexport default () => 1" },
      /nowhere-to-be-found/,
    ],
    [
      "exports a constant",
      { "c.mjs": "export const f = () => 1;\nexport const limit = 3;" },
      /export "limit" is the number 3/,
    ],
    ["exports an object by name", { "o.mjs": "export const f = { g: () => 1 };" }, /export "f" is an object/],
    ["exports a class", { "k.mjs": "export class Double {}" }, /export "Double" is a class/],
    [
      "has a default that is neither",
      { "s.mjs": "export default 'hello';" },
      /default export is the string hello/,
    ],
    ["exports nothing", { "n.mjs": "const f = () => 1;" }, /it exports no handlers/],
    [
      "exports only a reducer",
      { "r.mjs": "export const reduce = (a, b) => a + b;" },
      /it exports no handlers/,
    ],
    [
      "names a kind with a dot",
      { "d.mjs": "export default { 'a.b': () => 1 };" },
      /"a\.b" is not a valid kind/,
    ],
    [
      "has a file name that is no kind",
      { "my.handler.mjs": "export default () => 1;" },
      /"my\.handler" is not a valid kind/,
    ],
    [
      "has two handlers of a kind",
      { "t.mjs": "export const t = () => 1; export default () => 2;" },
      /two different handlers of kind "t"/,
    ],
    [
      "has an impossible timeout",
      { "p.mjs": "export const p = Object.assign(() => 1, { timeout: '5s' });" },
      /"p\.timeout" must be an integer/,
    ],
    [
      "has no attempts",
      { "p.mjs": "export const p = Object.assign(() => 1, { maxAttempts: 0 });" },
      /"p\.maxAttempts" must be an integer of at least 1/,
    ],
    [
      "has a reducer that is none",
      { "p.mjs": "export const reduce = 4; export const p = () => 1;" },
      /"reduce" is the number 4/,
    ],
    ["is not a module", { "data.json": "{}" }, /must end in \.js/],
  ])("is refused when it %s", async (_what, modules, wanted) => {
    expect(await refusal(modules)).toMatch(wanted);
  });

  it("is refused when a kind is in two files, naming both", async () => {
    const message = await refusal({
      "a.mjs": "export const f = () => 1;",
      "b.mjs": "export const f = () => 2;",
    });
    expect(message).toContain(join(cwd, "a.mjs"));
    expect(message).toContain(join(cwd, "b.mjs"));
  });

  it("is refused when it throws something that is no error", async () => {
    expect(await refusal({ "odd.mjs": "throw 'just a string';" })).toMatch(
      /it threw just a string while loading/,
    );
  });

  it("is refused when there is no such file, or it is a directory", async () => {
    await mkdir(join(cwd, "folder.mjs"));
    await expect(loadHandlers(["gone.mjs"], { cwd })).rejects.toThrow(/gone\.mjs: there is no such file/);
    await expect(loadHandlers(["folder.mjs"], { cwd })).rejects.toThrow(/folder\.mjs: it is not a file/);
  });
});

describe("loading modules of tasks", () => {
  const MUSTER = new URL("../../src/index.ts", import.meta.url).href;

  it.each([
    ["by name", "export const a = task('one', { run }); export const b = task('two', { run });"],
    ["as the default", "export default task('one', { run }); export const b = task('two', { run });"],
    ["in the default", "export default { a: task('one', { run }), b: task('two', { run }) };"],
    ["by two names", "export const a = task('one', { run }); export { a as c }; export default { d: a, b: task('two', { run }) };"], // biome-ignore format: one line
  ])("takes the tasks that are exported %s, and no other exports", async (_name, source) => {
    const head = `import { task } from "${MUSTER}"; const run = (n) => n; export const limit = 3; export const help = () => 1;`;
    const set = await load({ "tasks.ts": `${head}\n${source}` });
    expect(users(set.kinds)).toEqual(["one", "two"]);
  });

  it("refuses two tasks of one kind", async () => {
    const source = `import { task } from "${MUSTER}"; const run = (n) => n;
      export const a = task("one", { run }); export const b = task("one", { run });`;
    expect(await refusal({ "tasks.ts": source })).toContain('two different handlers of kind "one"');
  });
});
