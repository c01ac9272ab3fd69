/** Small JSON messages between actors, over plain NATS. */

const decoder = new TextDecoder();

export function textOf(message: { readonly data: Uint8Array }): string {
  return decoder.decode(message.data);
}

/** The message's JSON, or undefined where it is none: these subjects are open to whoever may publish there. */
export function jsonOf<T>(message: { readonly data: Uint8Array }): Partial<T> | undefined {
  try {
    const value: unknown = JSON.parse(textOf(message));
    return typeof value === "object" && value !== null ? (value as Partial<T>) : undefined;
  } catch {
    return undefined;
  }
}
