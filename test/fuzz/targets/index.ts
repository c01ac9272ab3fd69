/** Everything that decodes. */
import type { Target } from "../target.ts";
import { CALLERS } from "./callers.ts";
import { COMMAND_LINE } from "./command-line.ts";
import { MESSAGES } from "./messages.ts";
import { OUTPUTS } from "./outputs.ts";
import { RECORDS } from "./records.ts";
import { STATE } from "./state.ts";
import { WIRE } from "./wire.ts";

export const TARGETS: readonly Target[] = [
  ...[CALLERS, MESSAGES, STATE, RECORDS, OUTPUTS, WIRE, COMMAND_LINE].flat(),
];
