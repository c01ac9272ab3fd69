/** The commands of a caller: hand in jobs, read results, look and cancel. */
import type { Command } from "commander";
import type { Shell } from "../shell.ts";
import { registerCancel } from "./cancel.ts";
import { registerDead } from "./dead.ts";
import { registerMap, registerRun, registerSubmit } from "./map.ts";
import { registerResult } from "./result.ts";
import { registerStatus } from "./status.ts";
import { registerWatch } from "./watch.ts";
import { registerWorkers } from "./workers.ts";

/** Adds the client commands to the program. */
export function registerClientCommands(program: Command, shell: Shell): void {
  registerMap(program, shell);
  registerRun(program, shell);
  registerSubmit(program, shell);
  registerResult(program, shell);
  registerStatus(program, shell);
  registerWatch(program, shell);
  registerCancel(program, shell);
  registerWorkers(program, shell);
  registerDead(program, shell);
}
