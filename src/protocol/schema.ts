/** Schemas of any library that follows Standard Schema 1 (https://standardschema.dev): zod, valibot, arktype, … */

/**
 * What muster asks of a schema: the interface of Standard Schema 1, which zod 3.24, valibot 1 and arktype 2 have.
 *
 * `Input` is what a value must be, `Output` what the schema makes of it.
 */
export interface Schema<Input = unknown, Output = Input> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** What a schema says of a value. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** Why a value does not fit, and where. */
export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** The first issue of a value, as errors show it. */
export interface SchemaFault {
  /** Where in the value, as in `.user.names[0]`; empty for the value itself. */
  readonly path: string;
  readonly reason: string;
}

/**
 * What the schema makes of a value; a promise only where the schema gives one.
 * @throws what `refuse` makes of the fault
 */
export function conform<Output>(
  schema: Schema<unknown, Output>,
  value: unknown,
  refuse: (fault: SchemaFault) => Error,
): Output | Promise<Output> {
  const take = (result: SchemaResult<Output>): Output => {
    if (result.issues === undefined) return result.value;
    throw refuse(faultOf(result.issues));
  };
  const result = schema["~standard"].validate(value);
  return result instanceof Promise ? result.then(take) : take(result);
}

function faultOf([issue]: readonly SchemaIssue[]): SchemaFault {
  return { path: (issue?.path ?? []).map(step).join(""), reason: issue?.message ?? "it is not valid" };
}

function step(segment: PropertyKey | { readonly key: PropertyKey }): string {
  const key = typeof segment === "object" ? segment.key : segment;
  return typeof key === "number" ? `[${key}]` : `.${String(key)}`;
}
