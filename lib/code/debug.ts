import { pathToFileURL } from 'node:url'
import type { CodeMap } from './source-map.ts'

/**
 * Comments that lead a debugger from bundles to the user's files, by digest: of a process that is being debugged only.
 */
const comments = new Map<string, string>()

/**
 * From here on the bundle is loaded so that a debugger finds its way to the sources, and a breakpoint set there holds.
 * @param root folder that the map's sources are relative to
 */
export function debugBundle(digest: string, sourceMap: CodeMap, root: string): void {
  // Without the texts that a map may hold: the debugger reads the files.
  const { sourcesContent: _, ...map } = sourceMap
  const sources = map.sources.map((source) => pathToFileURL(`${root}/${source}`).href)
  const text = Buffer.from(JSON.stringify({ ...map, sources })).toString('base64')
  comments.set(digest, `\n//# sourceMappingURL=data:application/json;base64,${text}`)
}

/** The text of a bundle as it is loaded: its own, and where it is being debugged a comment behind it. */
export const loadedText = (code: string, digest: string): string => code + (comments.get(digest) ?? '')
