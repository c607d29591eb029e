/** The manifest that is published: without what only this repository uses. @param own that of the repository */
export function publishedManifest(own: Readonly<Record<string, unknown>>): Record<string, unknown>
/** Lays the package out in dist/package. @returns that folder */
export function layOut(): Promise<string>
/** Packs it. @returns the tarball's path */
export function pack(folder: string): Promise<string>
/** Packs all that users install. @param systems whose binaries: all, if not given */
export function packAll(folder: string, systems?: readonly string[]): Promise<string[]>
