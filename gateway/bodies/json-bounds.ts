import { SlipwayError } from '../../lib/formats/errors.ts'

/** Bodies up to this many bytes are read on the thread that answers: a millisecond or less. */
export const smallBody = 64 * 1024

/** What a large body may hold: more takes memory and time out of all proportion to its bytes. */
export const mostOfJson = {
  /** Arrays and objects within each other: tensors have a few axes, rows one or two. */
  depth: 64,
  /** Values: numbers, texts, arrays, objects. 16 MB of rows have about a million. */
  values: 2_000_000,
  /** Keys of one object: of more, each takes longer than the one before: 1.6 million took 13 seconds. */
  keys: 20_000,
} as const

export interface JsonBounds {
  readonly depth: number
  readonly values: number
  readonly keys: number
}

const [quote, backslash, comma, colon, lineEnd] = [0x22, 0x5c, 0x2c, 0x3a, 0x0a]
const opening = (byte: number): boolean => byte === 0x5b || byte === 0x7b
const closing = (byte: number): boolean => byte === 0x5d || byte === 0x7d

/**
 * Refuses what holds too much, before anything is made of it: one pass, no memory. What is no JSON is left to who
 * parses it, and counted as far as it looks like JSON. An empty array or object counts twice.
 * @throws SlipwayError REQUEST_TOO_LARGE
 */
export function requireBounds(json: Buffer, most: JsonBounds = mostOfJson): void {
  // Of the object or array that is open at each depth.
  const keys = new Uint32Array(most.depth + 1)
  let depth = 0
  let values = 1
  for (let at = 0; at < json.length; at++) {
    const byte = json[at] as number
    if (byte === quote) at = endOfText(json, at)
    else if (byte === comma) {
      if (++values > most.values) throw tooMany(most.values)
    } else if (byte === colon) {
      const count = (keys[depth] as number) + 1
      if (count > most.keys) throw tooMuch(`an object of more than ${most.keys} keys`, 'send rows of known columns')
      keys[depth] = count
    } else if (opening(byte)) {
      if (++depth > most.depth)
        throw tooMuch(`arrays or objects more than ${most.depth} deep`, 'send rows, columns or tensors')
      if (++values > most.values) throw tooMany(most.values)
      keys[depth] = 0
    } else if (closing(byte) && depth > 0) depth--
  }
}

/**
 * The same of text that has a line a row: separators and line ends count, whatever they stand in.
 * @throws SlipwayError REQUEST_TOO_LARGE
 */
export function requireFewCells(text: Buffer, separator: ',' | '\t' | '\n', most = mostOfJson.values): void {
  const between = separator.charCodeAt(0)
  let cells = 1
  for (let at = 0; at < text.length; at++) {
    const byte = text[at]
    if ((byte === between || byte === lineEnd) && ++cells > most) throw tooMany(most)
  }
}

/** Where the text that begins at `at` ends: at its last quote, or with the body. */
function endOfText(json: Buffer, at: number): number {
  let end = at + 1
  while (end < json.length && json[end] !== quote) end += json[end] === backslash ? 2 : 1
  return end
}

const tooMany = (most: number): SlipwayError => tooMuch(`more than ${most} values`, 'send fewer rows at once')

const tooMuch = (what: string, next: string): SlipwayError =>
  new SlipwayError('REQUEST_TOO_LARGE', `the body holds ${what}: ${next}, or score a table as a batch`)
