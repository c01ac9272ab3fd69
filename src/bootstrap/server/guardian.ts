import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/** How long a server has to leave by itself before the guardian kills it, in ms. */
const GRACE_MS = 5000;

/**
 * What the guardian runs. Its standard input ends when the launcher is gone, however it died; then the server whose pid
 * it read goes too. It is given as text, so that it runs the same from source, from `dist` and from a bundle.
 */
const PROGRAM = `
const fs = require("node:fs");
let said = "";
process.stdin.setEncoding("utf8");
process.stdin.on("data", (text) => { said += text; });
process.stdin.on("end", () => {
  const [pid, released] = said.split("\\n");
  if (!(Number(pid) > 0) || released === "released") return;
  const send = (signal) => { try { process.kill(Number(pid), signal); return true; } catch { return false; } };
  // In a container nobody may collect the dead server: it keeps its pid, and nothing else.
  const isZombie = () => { try { return / Z /.test(fs.readFileSync("/proc/" + pid + "/stat", "latin1")); } catch { return false; } };
  if (!send("SIGTERM")) return;
  const deadline = Date.now() + ${GRACE_MS};
  const timer = setInterval(() => {
    if (!send(0) || isZombie()) clearInterval(timer);
    else if (Date.now() > deadline) { send("SIGKILL"); clearInterval(timer); }
  }, 20);
});
for (const signal of ["SIGINT", "SIGHUP", "SIGTERM"]) process.on(signal, () => {});
`;

/** A small process that stops a server when this process is gone, even by SIGKILL. */
export interface Guardian {
  /** Names the server to stop. */
  guard(pid: number): void;
  /** Lets the server be, and ends the guardian; call it once the server has exited. */
  release(): Promise<void>;
}

/**
 * Starts a guardian. Start it before the server: what is written to it waits in the pipe until it has started, so no
 * moment is unguarded.
 */
export function startGuardian(): Guardian {
  const child = spawn(process.execPath, ["--max-semi-space-size=1", "-e", PROGRAM], {
    // NODE_OPTIONS may hold what only the launcher wants, such as --inspect.
    env: {},
    // In a session of its own Ctrl+C does not reach it.
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  const gone = exitOf(child);
  child.unref();
  unreference(child.stdin);
  child.stdin.on("error", () => {});
  return {
    guard: (pid) => void child.stdin.write(`${pid}\n`),
    release: async () => {
      child.ref();
      child.stdin.end("released");
      await gone;
    },
  };
}

async function exitOf(child: ChildProcess): Promise<void> {
  await once(child, "exit").catch(() => undefined);
}

/** A pipe of a child is a socket; kept referenced it would keep this process alive. */
function unreference(pipe: object): void {
  if ("unref" in pipe && typeof pipe.unref === "function") pipe.unref();
}
