import { join } from "node:path";
import { EXECUTABLE, install, withScratch } from "./cache.ts";
import { type CommandResult, runCommand } from "./command.ts";
import { executablesOnPath } from "./path.ts";
import type { Found, SearchContext, Skipped, Step } from "./step.ts";
import { skipped } from "./step.ts";
import { RECOMMENDED_VERSION } from "./version.ts";

const MODULE = `github.com/nats-io/nats-server/v2@v${RECOMMENDED_VERSION}`;
/** Asking for the module's version tells within this time, in ms, whether modules can be fetched here at all. */
const PROBE_LIMIT_MS = 10_000;
/** Building takes one to three minutes on two cores, more where Go fetches a newer tool chain first. */
const BUILD_LIMIT_MS = 900_000;

/** A build from source, where Go is there. */
export const goInstallStep: Step = { name: "go install", installs: true, find: buildWithGo };

async function buildWithGo(context: SearchContext): Promise<Found | Skipped> {
  const name = process.platform === "win32" ? "go.exe" : "go";
  const [go] = await executablesOnPath(name, context.env);
  if (go === undefined) return skipped("go is not on PATH");
  return withScratch(context, async (scratch) => {
    const probe = await runGo(
      { go, args: ["list", "-m", MODULE], scratch, limitMs: PROBE_LIMIT_MS },
      context,
    );
    if (!probe.ok) return skipped(`the module cannot be fetched: ${probe.reason}`);
    const built = await runGo({ go, args: ["install", MODULE], scratch, limitMs: BUILD_LIMIT_MS }, context);
    return built.ok
      ? install(join(scratch, "bin", EXECUTABLE), "go-install", context)
      : skipped(built.reason);
  });
}

interface GoCall {
  go: string;
  args: readonly string[];
  scratch: string;
  limitMs: number;
}

function runGo(call: GoCall, context: SearchContext): Promise<CommandResult> {
  const env = {
    ...context.env,
    // Modules and objects are kept apart too: nothing is left behind but the server.
    GOPATH: join(call.scratch, "go"),
    GOMODCACHE: join(call.scratch, "go", "pkg", "mod"),
    GOCACHE: join(call.scratch, "go", "cache"),
    GOBIN: join(call.scratch, "bin"),
    // Writable, so that it can be removed; and no -mod=vendor of the user's.
    GOFLAGS: "-modcacherw",
    GOWORK: "off",
    GO111MODULE: "on",
    CGO_ENABLED: "0",
    GOOS: undefined,
    GOARCH: undefined,
  };
  const { go: file, args, scratch: cwd, limitMs: timeoutMs } = call;
  return runCommand({ file, args, env, cwd, timeoutMs, signal: context.signal });
}
