/** What of the template's Compose file can be checked without Docker. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createProgram } from "../../src/cli/program.ts";
import { Captured } from "../support/cli.ts";
import { parseYaml, type Yaml } from "../support/yaml.ts";
import { exists, ROOT, read } from "./pages.ts";

const TEMPLATE = "templates/project";
const MAIN = "node node_modules/muster/";

interface Service {
  name: string;
  command: string;
  environment: Record<string, string>;
  dependsOn: string[];
  volumes: string[];
}

const file = parseYaml(read(`${TEMPLATE}/compose.yaml`));
const services = Object.entries(file.services as Record<string, Record<string, Yaml>>).map(
  ([name, { command = "", environment = {}, depends_on = [], volumes = [] }]): Service => ({
    name,
    command: command as string,
    environment: environment as Record<string, string>,
    dependsOn: depends_on as string[],
    volumes: volumes as string[],
  }),
);
const actors = services.filter(({ command }) => command.startsWith(MAIN));
const wordsOf = ({ command }: Service) => command.slice(MAIN.length).split(" ");

/** The variables that the sources read. */
function variablesRead(): Set<string> {
  const files = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" });
  const texts = files.filter((name) => name.endsWith(".ts")).map((name) => read(join("src", name)));
  return new Set(
    texts.flatMap((text) => [...text.matchAll(/\benv\.([A-Z_]+)/g)].map(([, name = ""]) => name)),
  );
}

describe("the template's compose.yaml", () => {
  it("has a server and an actor of each role", () => {
    expect(services.map(({ name }) => name)).toEqual(["nats", "dispatcher", "aggregator", "worker"]);
    expect(actors.map(({ name }) => name)).toEqual(["dispatcher", "aggregator", "worker"]);
  });

  it("starts the program that the package has, with a command and options that it knows", async () => {
    const { bin } = JSON.parse(read("package.json")) as { bin: { muster: string } };
    for (const actor of actors) {
      const [main, name = "", ...args] = wordsOf(actor);
      expect(`./${main}`).toBe(bin.muster);
      const io = { stdout: new Captured(), stderr: new Captured() };
      const program = await createProgram({ ...io, env: {}, cwd: ROOT, exitCode: 0 } as never, name);
      const command = program.commands.find((each) => each.name() === name);
      expect(command, name).toBeDefined();
      const { unknown, operands } = command?.parseOptions(args) ?? { unknown: args, operands: [] };
      expect({ name, unknown, operands }).toEqual({ name, unknown: [], operands: [] });
    }
  });

  it("names handler modules that the template has", () => {
    const modules = actors.map((actor) => wordsOf(actor)).flatMap((words) => words.slice(words.indexOf("--handlers") + 1).filter((_, at) => at === 0 && words.includes("--handlers"))); // biome-ignore format: one line
    expect(modules).toEqual(["src/tasks.ts", "src/tasks.ts"]);
    for (const path of modules) expect(exists(join(TEMPLATE, path)), path).toBe(true);
  });

  it("sets variables that the program reads, and points them at its own server", () => {
    const known = variablesRead();
    for (const { environment } of actors) {
      expect(Object.keys(environment)).toEqual(["NATS_URL"]);
      for (const name of Object.keys(environment)) expect(known, name).toContain(name);
      const { hostname, port } = new URL(environment.NATS_URL ?? "");
      expect(services.map(({ name }) => name)).toContain(hostname);
      expect(port).toBe("4222");
    }
  });

  it("depends on services, and mounts volumes, that it has", () => {
    const names = services.map(({ name }) => name);
    const volumes = Object.keys(file.volumes as Record<string, Yaml>);
    for (const service of services) {
      expect(names).toEqual(expect.arrayContaining(service.dependsOn));
      const mounted = service.volumes.map((volume) => volume.split(":")[0] ?? "");
      expect([...volumes, "."]).toEqual(expect.arrayContaining(mounted));
    }
    expect(services[0]?.command).toContain("--store_dir=/data");
    expect(services[0]?.volumes).toEqual(["nats:/data"]);
  });

  it("is read as YAML is: anchors, merged members, brackets; and what is not understood is an error", () => {
    const text = 'x: &a\n  k: [a, "b: c"]\n  l: { m: "n" }\ny:\n  <<: *a\n  l: o\n';
    expect(parseYaml(text)).toMatchObject({ y: { k: ["a", "b: c"], l: "o" }, x: { l: { m: "n" } } });
    for (const odd of ["x", "a: *b", "a: [b", "a: 1\na: 2", "a: |", "a:\n    b: 1\n  c: 2"])
      expect(() => parseYaml(odd), odd).toThrow(/^Line \d/);
  });
});
