/** The processes of a worker, one for each item that runs at once; kept from item to item, and replaced when they end. */
import { InvalidJson, InvalidOutput, MusterError } from "../../errors.ts";
import { parseJson } from "../../protocol/json.ts";
import { type ExecPlan, ExecProcess } from "./exec-process.ts";

/** A process, and whoever hears its log: what it says behind an answer still belongs to that item. */
interface Member {
  process: ExecProcess;
  onLog: (line: string) => void;
}

/** What an item asks of a process. */
export interface ExecAsk {
  line: string;
  signal: AbortSignal;
  onLog(line: string): void;
}

/** Characters of an answer that an error shows. */
const SHOWN = 80;

export class ExecPool {
  readonly #plan: ExecPlan;
  readonly #all = new Set<Member>();
  readonly #idle: Member[] = [];

  /** `onLog` of the plan hears what a process says before its first item. */
  constructor(plan: ExecPlan) {
    this.#plan = plan;
  }

  /** Starts a first process, so that a command that cannot be started is known at once. @throws InvalidConfig */
  async warm(): Promise<void> {
    this.#idle.push(await this.#start());
  }

  /** The value that a process answers. @throws HandlerCrashed when it ends before, or is out of step; InvalidOutput */
  async ask(ask: ExecAsk): Promise<unknown> {
    const kept = this.#takeIdle();
    if (kept === undefined) return await this.#askOf(await this.#start(), ask);
    try {
      return await this.#askOf(kept, ask);
    } catch (error) {
      if (!kept.process.endedInPeace || ask.signal.aborted) throw error;
      return await this.#askOf(await this.#start(), ask);
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#all].map(({ process }) => process.close()));
    this.#all.clear();
  }

  async #askOf(member: Member, { line, signal, onLog }: ExecAsk): Promise<unknown> {
    const { process } = member;
    const onAbort = () => process.kill("its item was aborted, or took too long.");
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    member.onLog = onLog;
    try {
      return valueIn(process, await process.ask(line));
    } finally {
      signal.removeEventListener("abort", onAbort);
      if (process.isGone) this.#all.delete(member);
      else this.#idle.push(member);
    }
  }

  #takeIdle(): Member | undefined {
    for (let member = this.#idle.pop(); member !== undefined; member = this.#idle.pop()) {
      if (!member.process.isGone) return member;
      this.#all.delete(member);
    }
    return undefined;
  }

  async #start(): Promise<Member> {
    const hears = { onLog: this.#plan.onLog };
    const process = await ExecProcess.start({ ...this.#plan, onLog: (line) => hears.onLog(line) });
    const member: Member = Object.assign(hears, { process });
    this.#all.add(member);
    return member;
  }
}

/** A process that prints what is no JSON is out of step: which line answers what, nobody knows from then on. */
function valueIn(process: ExecProcess, answer: string): unknown {
  try {
    return parseJson(answer);
  } catch (error) {
    if (error instanceof InvalidJson)
      throw process.kill(`it wrote a line that is not JSON: ${answer.slice(0, SHOWN)}`);
    throw error instanceof MusterError ? new InvalidOutput(error.message) : error;
  }
}
