import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { globSync } from 'tinyglobby'
import { describe, expect, it } from 'vitest'
import { packageRoot } from '../lib/code/host.ts'

const mostCharacters = 120

const linesOf = (file: string): string[] => readFileSync(join(packageRoot, file), 'utf8').split('\n')
/** Characters as people count them; what has no blank in it cannot be broken. */
const isTooLong = (line: string): boolean => [...line].length > mostCharacters && line.trim().includes(' ')

/** Prose of a page: neither tables nor code. */
function proseOf(lines: readonly string[]): (string | undefined)[] {
  let isCode = false
  return lines.map((line) => {
    if (/^\s*```/.test(line)) isCode = !isCode
    return isCode || /^\s*(\||```)/.test(line) ? undefined : line
  })
}

const tooLong = (file: string, lines: readonly (string | undefined)[]): string[] =>
  lines.flatMap((line, i) => (line !== undefined && isTooLong(line) ? [`${file}:${i + 1}`] : []))

describe('lines of prose have at most 120 characters', () => {
  const ignore = ['**/node_modules/**', 'dist/**', 'test/cases/**']

  it('in documents', () => {
    const files = globSync('**/*.md', { cwd: packageRoot, ignore })
    expect(files.length).toBeGreaterThan(15)
    expect(files.flatMap((file) => tooLong(file, proseOf(linesOf(file))))).toEqual([])
  })

  it('in comments', () => {
    const files = globSync('**/*.{ts,mjs}', { cwd: packageRoot, ignore })
    expect(files.length).toBeGreaterThan(500)
    const comments = (file: string) => linesOf(file).map((line) => (/^\s*(\/\/|\*|\/\*)/.test(line) ? line : undefined))
    expect(files.flatMap((file) => tooLong(file, comments(file)))).toEqual([])
  })
})
