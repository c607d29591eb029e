import { SourceMap } from 'node:module'
import { z } from 'zod'
import { SlipwayError, type SourcePlace } from '../formats/errors.ts'
import { hexOf } from '../store/digest.ts'
import { readDocument, replaceDocument } from '../store/documents.ts'
import type { Store } from '../store/store.ts'
import { bundlePlace, placed } from './user-fault.ts'

/** What `markPureCalls` writes before a call; the sources have no such thing. */
export const pureMark = '/*@__PURE__*/ '

/**
 * The way from a bundle back to the sources: a source map (version 3) with relative paths, and of the sources only the
 * lines that the bundle has something of.
 */
export const CodeMap = z.object({
  version: z.literal(3),
  sources: z.array(z.string()),
  sourcesContent: z.array(z.string().nullable()),
  names: z.array(z.string()),
  mappings: z.string(),
})
export type CodeMap = z.infer<typeof CodeMap>

/** Characters of a line that are kept. */
const longestLine = 300

/**
 * Takes out of a source map what nobody needs to find a place.
 * @param own where Slipway's own modules lie, as the map names them: they count as a package
 */
export function slimMap(json: string, own: string): CodeMap {
  const { sources = [], sourcesContent = [], names = [], mappings = '' } = JSON.parse(json) as Partial<CodeMap>
  const used = linesOf(mappings)
  const named = sources.map((source) => {
    const rest = source.startsWith(`${own}/`) ? source.slice(own.length + 1) : undefined
    // Examples of pipelines lie in folders of their own beside Slipway's modules.
    const isOwn = rest !== undefined && (!rest.includes('/') || rest.startsWith('contract/'))
    return isOwn ? `node_modules/slipway/pipelines/${rest}` : source
  })
  return {
    version: 3,
    sources: named,
    sourcesContent: named.map((source, i) => {
      const content = sourcesContent[i]
      if (isThirdParty(source) || typeof content !== 'string') return null
      const lines = used.get(i)
      return content
        .split('\n')
        .map((line, number) => (lines?.has(number) ? line.slice(0, longestLine) : ''))
        .join('\n')
        .trimEnd()
    }),
    names,
    mappings,
  }
}

export const isThirdParty = (source: string): boolean => source.includes('node_modules/')

const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** Lines that mappings name, from 0, by the number of their source. */
function linesOf(mappings: string): Map<number, Set<number>> {
  const lines = new Map<number, Set<number>>()
  let [source, line] = [0, 0]
  for (const segment of mappings.split(/[;,]/)) {
    const [, inSources, inLines] = numbersOf(segment)
    if (inSources === undefined || inLines === undefined) continue
    source += inSources
    line += inLines
    const known = lines.get(source) ?? new Set()
    lines.set(source, known.add(line))
  }
  return lines
}

/** The numbers of a segment: base 64, least significant first, the sign in the lowest bit. */
function numbersOf(segment: string): number[] {
  const numbers: number[] = []
  let [value, shift] = [0, 0]
  for (const digit of segment) {
    const bits = digits.indexOf(digit)
    value += (bits & 31) * 2 ** shift
    shift += 5
    if (bits >= 32) continue
    numbers.push(value % 2 === 1 ? -(value - 1) / 2 : value / 2)
    value = 0
    shift = 0
  }
  return numbers
}

/** Where in the sources a position of a bundle lies. @param line and column from 1 */
export function placeOf(map: CodeMap, line: number, column: number): SourcePlace | undefined {
  const entry = new SourceMap(map as never).findEntry(line - 1, column - 1)
  if (!('originalSource' in entry) || entry.originalSource === undefined) return undefined
  const { originalSource: file, originalLine, originalColumn } = entry
  const written = map.sourcesContent[map.sources.indexOf(file)]?.split('\n')[originalLine]
  const marks = written?.slice(0, originalColumn).split(pureMark).length ?? 1
  return {
    file,
    line: originalLine + 1,
    column: originalColumn + 1 - (marks - 1) * pureMark.length,
    text: written?.replaceAll(pureMark, '') || null,
  }
}

/** The first place of a stack that the user wrote; a package's place where there is no other. */
export function userPlace(map: CodeMap, stack: readonly { line: number; column: number }[]): SourcePlace | undefined {
  const places = stack.flatMap(({ line, column }) => placeOf(map, line, column) ?? [])
  return places.find(({ file }) => !isThirdParty(file)) ?? places[0]
}

const keyOf = (code: string): string => `maps/${hexOf(code)}.json`

/** Keeps the way back from a bundle beside it. Of the same code with other comments the last map counts. */
export function writeCodeMap(store: Store, code: string, map: CodeMap): Promise<void> {
  return replaceDocument(store, keyOf(code), map)
}

/**
 * The map of a bundle; undefined where there is none, or none that can be read: an error must not hide behind its
 * place.
 */
async function readCodeMap(store: Store, code: string): Promise<CodeMap | undefined> {
  return (await readDocument(store, keyOf(code), CodeMap).catch(() => undefined))?.value
}

/** An error of user code with its place in the sources, as far as the maps are known; other errors as they are. */
export async function withSourcePlace(
  error: unknown,
  mapOf: (code: string) => CodeMap | undefined | Promise<CodeMap | undefined>,
): Promise<unknown> {
  if (!(error instanceof SlipwayError)) return error
  const { inBundle: stack = [] } = error.facts
  const [first] = stack
  if (first === undefined) return error
  for (const code of new Set(stack.map((position) => position.code))) {
    const map = await mapOf(code)
    const place =
      map &&
      userPlace(
        map,
        stack.filter((position) => position.code === code),
      )
    if (place !== undefined) return placed(error, place)
  }
  return placed(error, bundlePlace(first))
}

/** The same with the maps of a store. */
export function withStoredPlace(store: Store, error: unknown): Promise<unknown> {
  return withSourcePlace(error, (code) => readCodeMap(store, code))
}
