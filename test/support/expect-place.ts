import { expect } from 'vitest'
import type { SlipwayError } from '../../lib/formats/errors.ts'

/**
 * Expects an error at the one line of a file that contains some words, where those begin: in its facts and at the start
 * of its message.
 */
export function expectAt(error: SlipwayError, code: string, file: string, text: string, words: string): void {
  const lines = text.split('\n')
  const found = lines.flatMap((line, i) => (line.includes(words) ? [i] : []))
  expect(found, `the words are on one line: ${words}`).toHaveLength(1)
  const [line = 0] = found
  const written = lines[line] as string
  const at = { file, line: line + 1, column: written.indexOf(words) + 1, text: written }
  expect(error).toMatchObject({ code, facts: { at, next: expect.any(String) } })
  expect(error.message.startsWith(`${at.file}:${at.line}:${at.column}: `), error.message).toBe(true)
  expect(error.message).not.toMatch(/\n\s+at /)
}
