import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { printable, renderError, renderUsageError } from "../../src/cli/render/errors.ts";
import { InvalidName, UnknownOption } from "../../src/errors.ts";
import { cli, commandTree } from "../support/cli.ts";

const CONTROL = /[^\P{Cc}\n]/u;

function all(command: Command): Command[] {
  return [command, ...command.commands.flatMap(all)];
}

function pathOf(command: Command): string[] {
  return command.parent === null ? [] : [...pathOf(command.parent), command.name()];
}

const tree = await commandTree();

describe("help", () => {
  const paths = all(tree)
    .map(pathOf)
    .filter((path) => path[0] !== "help");

  it.each(paths)("has an example: muster %s %s", async (...path) => {
    const run = await cli([...path.filter((name) => name !== undefined), "--help"]);
    expect(run).toMatchObject({ code: 0, stderr: "" });
    expect(run.stdout).toMatch(/Examples?:\n +\$ .*muster/);
    expect(run.stdout).not.toMatch(CONTROL);
  });

  it("is shown as an error where no command is given", async () => {
    const run = await cli([]);
    expect(run).toMatchObject({ code: 2, stdout: "" });
    expect(run.stderr).toContain("Usage: muster");
  });
});

describe("wrong usage", () => {
  it.each([
    [["wrker"], "Did you mean worker?"],
    [["worker", "--slot", "1"], "Did you mean --slots?"],
    [["worker", "--slots", "0"], "a whole number from 1"],
    [["worker", "--slots", "1.5"], "a whole number from 1"],
    [["worker", "--wait", "soon"], "a duration"],
    [["worker", "more"], "too many arguments"],
    [["up", "--port", "70000"], "a whole number from -1 to 65535"],
    [["up", "--storage", "tape"], "file, memory"],
    [["up", "--ephemeral", "--data", "x"], "--data keeps and --ephemeral does not"],
    [["up", "--replicas", "3"], "needs a cluster"],
    [["up", "--server", "x", "--port", "1"], "--port is for a server that is started here"],
    [["broker", "pth"], "Did you mean path?"],
    [["dispatcher", "--handlers", "x.ts"], "unknown option '--handlers'"],
  ])("ends with exit code 2 and one line that says what is wrong: %j", async (args, words) => {
    const run = await cli(args);
    expect(run).toMatchObject({ code: 2, stdout: "" });
    expect(run.stderr).toMatch(/^muster: [^\n]+ \[\w+\]\n$/);
    expect(run.stderr).toContain(words);
  });

  it("never writes a control character of the command line back to the terminal", async () => {
    const run = await cli(["\u001b[2J"]);
    expect(run.code).toBe(2);
    expect(run.stderr).not.toMatch(CONTROL);
  });
});

describe("an error", () => {
  it("is one line with its code", () => {
    const text = renderError(new UnknownOption("chunck", "chunk"), { verbose: false });
    expect(text).toBe('muster: Unknown option "chunck". Did you mean "chunk"? [unknown_option]\n');
  });

  it("shows where it came from only when asked to, its cause included", () => {
    const error = new Error("outer", { cause: new Error("inner") });
    expect(renderError(error, { verbose: false })).toBe("muster: outer [unexpected]\n");
    expect(renderError(error, { verbose: true })).toMatch(
      /^muster: outer \[unexpected\]\nError: outer\n +at .*caused by: Error: inner/s,
    );
  });

  it("shows control characters as escapes", () => {
    expect(renderError(new InvalidName("kind", "a\u001b[31m\r"), { verbose: false })).toContain(
      '"a\\u001b[31m\\u000d"',
    );
    expect(printable("a\nb\u0085\u2028")).toBe("a\nb\\u0085\\u2028");
  });

  it("of commander is put on one line in our form", () => {
    expect(renderUsageError("error: unknown command 'x'\n(Did you mean y?)\n")).toBe(
      "muster: unknown command 'x' (Did you mean y?) [usage]\n",
    );
  });
});

describe("muster version", () => {
  it("prints data on stdout", async () => {
    const run = await cli(["version", "--json"]);
    expect(run).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(run.stdout)).toMatchObject({ node: process.versions.node });
    expect((await cli(["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe("muster broker", () => {
  it("says all that was tried where no nats-server is, with exit code 3", async () => {
    const run = await cli(["broker", "path"], { env: { PATH: "/nonexistent" } });
    expect(run).toMatchObject({ code: 3, stdout: "" });
    expect(run.stderr).toContain("muster broker install");
    expect(run.stderr).toContain("[broker_not_found]");
  });
});
