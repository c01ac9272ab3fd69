/** What a process has in its environment; given by the caller, so that only the command line and `connect()` read `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;
