/** Versions of packages inside, by name. @param sources that were bundled, from the repository's folder */
export function versionsOf(root: string, sources: readonly string[]): Record<string, string>
/** The text of THIRD-PARTY.txt. */
export function noticesOf(root: string, sources: readonly string[]): string
/** Files that were bundled into those of a folder, by the maps beside them. */
export function bundledSources(folder: string): string[]
