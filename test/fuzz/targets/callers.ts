/** What callers send: bodies, headers, options, names. */
import fc from "fast-check";
import { parseHeaderBlock } from "../../../src/broker/jetstream/headers.ts";
import { planJob } from "../../../src/domain/plan.ts";
import { parseReduce } from "../../../src/domain/reducers/index.ts";
import { MusterError } from "../../../src/errors.ts";
import { encodeJson, findMember, parseJson, parseState, splitArray } from "../../../src/protocol/json.ts";
import { checkToken, isToken, Names, partitionOf } from "../../../src/protocol/names.ts";
import { encodeSpec, SpecDecoder } from "../../../src/protocol/spec.ts";
import { jobOfKey, keyOf, parseSubmission } from "../../../src/protocol/submission.ts";
import { reduction, token } from "../arbitraries.ts";
import { bytesOf, inputOf, mustBeSame, mustHold, partOf, type Target, textOf } from "../target.ts";

const options = fc.record(
  {
    reduce: fc.oneof(
      reduction.map(([name]) => name),
      fc.constantFrom({ name: "top-k", k: 3 }, { histogram: { from: 0, to: 1, bins: 2 } }),
    ),
    chunk: fc.constantFrom("auto", 5, "100"),
    window: fc.constantFrom("auto", 3),
    maxAttempts: fc.constantFrom(1, "7"),
    backoff: fc.constantFrom("100ms", 50),
    timeout: fc.constantFrom("10s", 0),
    deadline: fc.constantFrom("10m", "2026-11-24T08:00:00Z", 5000),
    priority: fc.constantFrom("high", "low"),
    delay: fc.constantFrom("1h", 3),
    key: token,
    onError: fc.constantFrom("fail", "continue"),
  },
  { requiredKeys: [] },
);

const body = fc.oneof(
  fc.array(fc.jsonValue({ maxDepth: 3 }), { maxLength: 5 }),
  fc.record({ items: fc.array(fc.jsonValue({ maxDepth: 2 }), { maxLength: 4 }) }),
  fc.record({ range: fc.record({ from: fc.integer(), to: fc.integer(), step: fc.constantFrom(1, -3) }) }),
  fc.record({
    object: fc.constant("BUCKET/some/name"),
    format: fc.constantFrom("ndjson", "csv", "lines"),
    onBadRecord: fc.constantFrom("fail-item", "fail-job"),
  }),
  fc.record({ value: fc.jsonValue({ maxDepth: 2 }) }),
);

const submission: Target = {
  name: "submission",
  corpus: fc.tuple(token, body, options, options).map(([kind, content, inBody, inHeaders]) => {
    const headers = Object.entries(inHeaders).map(([name, value]) => [
      `Muster-${name}`,
      typeof value === "object" ? JSON.stringify(value) : String(value),
    ]);
    const data = JSON.stringify(Array.isArray(content) ? content : { ...content, ...inBody });
    return { kind, ...inputOf({ headers: Object.fromEntries(headers), data }) };
  }),
  check({ kind, headers, data }) {
    const fields = parseHeaderBlock(textOf(headers));
    const key = keyOf(bytesOf(data), fields);
    if (key !== undefined) mustHold(isToken(jobOfKey(key)), "the job of a key is no token");
    const { spec, input } = refusedAsTheirs(() => {
      const parsed = parseSubmission(textOf(kind), bytesOf(data), fields);
      return planJob(parsed, { job: "job", submitted: 0, reply: undefined });
    });
    mustBeSame(new SpecDecoder().decode(encodeSpec(spec)), spec, "the spec came back otherwise");
    if (input.type === "items") parseJson(`[${input.items.join(",")}]`);
    if (input.type === "range") mustHold(Number.isSafeInteger(input.count), "a range without an end");
  },
};

/** What is wrong with a submission is its caller's fault, and said in words that fit into a header. */
function refusedAsTheirs<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof MusterError) {
      mustHold(error.status >= 400 && error.status < 500, `refused with status ${error.status}`);
      mustHold(error.message.length < 1_000, `refused in ${error.message.length} characters`);
    }
    throw error;
  }
}

const json: Target = {
  name: "json",
  corpus: fc.json({ maxDepth: 5, stringUnit: "binary" }).map((text) => ({ text: partOf(text) })),
  check({ text }) {
    const value = parseJson(bytesOf(text));
    const plain = textOf(text).replace(/^\ufeff/, "");
    mustBeSame(parseJson(plain), value, "text and bytes differ");
    mustBeSame(parseState(encodeJson(value)), value, "it came back otherwise");
    if (Array.isArray(value)) checkElements(plain, value);
    else if (typeof value === "object" && value !== null) checkMembers(plain, value);
  },
};

function checkElements(text: string, values: readonly unknown[]): void {
  const texts = splitArray(text);
  mustHold(texts.length === values.length, `${texts.length} texts of ${values.length} elements`);
  mustBeSame(
    texts.map((each) => parseJson(each)),
    values,
    "the elements' texts",
  );
}

function checkMembers(text: string, members: object): void {
  for (const [name, value] of Object.entries(members)) {
    const member = findMember(text, name);
    mustHold(member !== undefined, `the member ${name} is not found`);
    mustBeSame(parseJson(member), value, `the member ${name}`);
  }
}

const reduce: Target = {
  name: "reduce",
  corpus: fc
    .oneof(
      reduction.map(([name]) => name),
      fc.constantFrom('{"name":"top-k","k":10}', '{"top-k":{"k":10}}', '{"name":"sum","params":{}}'),
    )
    .map((text) => ({ text })),
  check({ text }) {
    const spec = parseReduce(textOf(text));
    mustBeSame(parseReduce(spec), spec, "the spec is another option");
    mustBeSame(parseReduce(JSON.stringify(spec)), spec, "the spec as text is another option");
  },
};

const names: Target = {
  name: "names",
  corpus: fc
    .tuple(token, token, fc.constantFrom("high", "normal", "low"), token)
    .map(([prefix, kind, priority, job]) => ({
      prefix,
      subject: `${prefix}.tasks.${kind}.${priority}.${job}`,
    })),
  check({ prefix, subject }) {
    const ours = new Names(textOf(prefix));
    const address = ours.parseTask(textOf(subject));
    mustHold(partitionOf(address.job, 8) < 8, "a partition that is none");
    checkToken("kind", address.kind);
    checkToken("job", address.job);
    const again = ours.parseTask(ours.task(address));
    mustBeSame(again, address, "the address came back otherwise");
  },
};

export const CALLERS: readonly Target[] = [submission, json, reduce, names];
