/** Brings dist/ up to date. */
export function ensureBuilt(): Promise<void>
