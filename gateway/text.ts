import { isUtf8 } from 'node:buffer'
import { SlipwayError } from '../lib/formats/errors.ts'
import { invalid } from '../lib/models/rows.ts'
import { requireBounds, smallBody } from './bodies/json-bounds.ts'

/**
 * How texts in other encodings than UTF-8 begin, where they say so; the longer mark first, for it begins with the
 * shorter one.
 */
const marks = [
  ['UTF-32', [0xff, 0xfe, 0, 0]],
  ['UTF-32', [0, 0, 0xfe, 0xff]],
  ['UTF-16', [0xff, 0xfe]],
  ['UTF-16', [0xfe, 0xff]],
] as const

/** Bytes as text; undefined when they are no UTF-8. */
export function utf8Of(bytes: Buffer): string | undefined {
  const text = bytes.toString('utf8')
  // What cannot be decoded becomes U+FFFD: only then need it be looked at twice.
  return text.includes('\ufffd') && !isUtf8(bytes) ? undefined : text
}

/**
 * The text of a body: UTF-8, without the mark that spreadsheets put in front of it.
 * @throws SlipwayError MEDIA_UNSUPPORTED for UTF-16 and UTF-32 that say so, REQUEST_INVALID for what is no UTF-8
 */
export function textOf(body: Buffer): string {
  const text = utf8Of(body)
  if (text !== undefined) return text.startsWith('\ufeff') ? text.slice(1) : text
  const [encoding] = marks.find(([, mark]) => mark.every((byte, i) => body[i] === byte)) ?? []
  if (encoding === undefined) throw invalid('the body is no UTF-8 text')
  throw new SlipwayError('MEDIA_UNSUPPORTED', `the body is ${encoding}; UTF-8 is read`, { next: 'send it as UTF-8' })
}

/** Why something is no JSON, without the part of it that V8 quotes: that holds values of whoever sent it. */
export const jsonFault = (error: unknown): string => (error as Error).message.replace(/, (\.\.\.)?"[\s\S]*$/, '')

/**
 * A body that is to be JSON.
 * @throws SlipwayError REQUEST_INVALID, MEDIA_UNSUPPORTED for text that is not UTF-8, and REQUEST_TOO_LARGE for a large
 * one that holds too much
 */
export function jsonOf(body: Buffer): unknown {
  if (body.length > smallBody) requireBounds(body)
  const text = textOf(body)
  try {
    return JSON.parse(text)
  } catch (error) {
    throw invalid(`the body is not JSON: ${jsonFault(error)}`)
  }
}
