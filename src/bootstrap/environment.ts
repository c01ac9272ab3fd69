/** What a process has in its environment; given by the caller, so that only one file reads `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;
