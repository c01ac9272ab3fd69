/** A vitest reporter that ends the run with one line for machines and people: `N passed, N failed`. */
import type { Reporter, TestModule, TestSuite } from "vitest/node";

/** How many test cases ended how; what failed outside of a test case (a hook, a module, a stray rejection) counts as failed. */
export interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

export default class ClosingLine implements Reporter {
  #line: string | undefined;

  constructor() {
    // At the very end, after whatever vitest still has to say when it closes. Writing to a pipe or a file is synchronous here.
    process.once("exit", () => {
      if (this.#line !== undefined) process.stdout.write(`${this.#line}\n`);
    });
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    const tally = tallyOf(modules);
    tally.failed += unhandled.length;
    this.#line = closingLine(tally);
  }
}

/** `12 passed, 0 failed`, and `, 3 skipped` where any were. */
export function closingLine({ passed, failed, skipped }: Tally): string {
  const line = `${passed} passed, ${failed} failed`;
  return skipped === 0 ? line : `${line}, ${skipped} skipped`;
}

function tallyOf(modules: readonly TestModule[]): Tally {
  const tally: Tally = { passed: 0, failed: 0, skipped: 0 };
  for (const module of modules) {
    for (const test of module.children.allTests()) tally[endOf(test.result().state)]++;
    tally.failed += brokenParts(module);
  }
  return tally;
}

/** A test that never came to its end has not passed. */
function endOf(state: "passed" | "failed" | "skipped" | "pending"): keyof Tally {
  return state === "pending" ? "failed" : state;
}

/** Modules that did not load, and suites whose hooks failed: their tests did not run, and must not pass for skipped ones. */
function brokenParts(module: TestModule): number {
  const parts: (TestModule | TestSuite)[] = [module, ...module.children.allSuites()];
  return parts.filter((part) => part.errors().length > 0).length;
}
