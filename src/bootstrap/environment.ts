/** What a process has in its environment; given by the caller, so that only the doors (the command line, `connect()`, `muster/testing`) read `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;
