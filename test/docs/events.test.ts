import { describe, expect, it } from "vitest";
import { EVENT_TYPES } from "../../src/protocol/names.ts";
import { codeOf, read, rowsOf } from "./pages.ts";

/** The event map as it is written: a type is gone when the code runs. */
function eventsInSource(): Record<string, string[]> {
  const source = read("src/telemetry/events.ts");
  const map = /interface EventMap \{(.*?)^\}/ms.exec(source)?.[1] ?? "";
  const found = map.matchAll(/"([a-z]+\.[a-z]+)":\s*\{(.*?)\};/gs);
  return Object.fromEntries([...found].map(([, name = "", body = ""]) => [name, fieldsOf(body)]));
}

function fieldsOf(body: string): string[] {
  return [...body.matchAll(/(\w+)\??:/g)].map(([, field = ""]) => field);
}

const rows = rowsOf(read("docs/events.md"));

describe("docs/events.md", () => {
  it("lists every event with its fields, and none that is gone", () => {
    const documented = rows
      .filter((cells) => cells.length === 3)
      .map(([name, fields = ""]) => [
        codeOf(name),
        [...fields.matchAll(/`(\w+)`/g)].map(([, field]) => field),
      ]);
    expect(documented.length).toBeGreaterThan(20);
    expect(Object.fromEntries(documented)).toEqual(eventsInSource());
  });

  it("lists every type that goes over NATS", () => {
    const types = rows.filter((cells) => cells.length === 2).map(([type]) => codeOf(type));
    expect(types.sort()).toEqual([...EVENT_TYPES].sort());
  });
});
