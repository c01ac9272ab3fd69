/** Part 1 of the demonstration: the classical example. */
import { Unexpected } from "../../errors.ts";
import { print, run, type Stage, seconds } from "./stage.ts";

const ITEMS = "[1,2,3,4,5]";
const EXPECTED = "[2,4,6,8,10]";

export async function showDouble(stage: Stage): Promise<void> {
  print(stage, `1  Double ${ITEMS}`);
  const { text, ms } = await run(stage, { kind: "double", body: ITEMS });
  if (text !== EXPECTED) throw new Unexpected(`double over ${ITEMS} gave ${text}`);
  print(stage, `   ${text} in ${seconds(ms)}`);
  print(stage);
}
