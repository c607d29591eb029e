/**
 * How long whoever asks a server waits for it, ms: the one place for it. `docs/time-outs.md` has the same table, by
 * these names.
 */
export const patience = {
  /** Until a connection stands. */
  connecting: 5_000,
  /** Without a byte from a server that has taken a call. */
  silent: 30_000,
  /** For a call and its answer in all, but for files: those may take as long as bytes come. */
  whole: 300_000,
  /** For a call to Temporal. */
  temporal: 30_000,
  /** For one that Temporal answers when there is news. */
  news: 70_000,
  /** For a server that is away, once it has answered or where somebody brings it back. */
  away: 60_000,
  /** For one that never answered: its address may be wrong. */
  unknown: 5_000,
  /** For a store that refuses what it has allowed before. */
  denied: 30_000,
  /** For one that never allowed it: the credentials may be wrong. */
  neverAllowed: 3_000,
  /** Until a wait is spoken of. */
  told: 1_500,
  /** Between two tries. */
  pause: 300,
} as const
