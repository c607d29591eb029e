import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { packageRoot } from '../lib/code/host.ts'
import { faultsOf, readClaims, titlesOf } from './support/claims.ts'

const read = (file: string): string | undefined =>
  existsSync(join(packageRoot, file)) ? readFileSync(join(packageRoot, file), 'utf8') : undefined
const claims = read('docs/claims.md') as string
/**
 * Architecture says how, not what; benchmarks are written by what measures them, references by `npm run docs`, which a
 * test holds them to; the comparison speaks of others.
 */
const unclaimed =
  /(^|\/)(architecture|benchmarks|claims|comparison)\.md$|^reference\/(cli|client|definition|extend)\.md$/
const documents = [
  'README.md',
  ...readdirSync(join(packageRoot, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md') && !unclaimed.test(file))
    .map((file) => `docs/${file}`),
]

describe('docs/claims.md', () => {
  it('quotes what the documents say, and names tests and measurements that are there', () => {
    expect(faultsOf(claims, documents, read)).toEqual([])
  })

  it('names measurements that npm run bench carries out', () => {
    const reached = new Set(['bench/bench.ts'])
    for (const file of reached)
      for (const [, imported] of (read(file) ?? '').matchAll(/ from '\.\/([\w-]+\.ts)'/g))
        reached.add(`bench/${imported}`)
    const files = readClaims(claims).flatMap(({ shows }) => shows.map(({ file }) => file))
    for (const file of files) if (file.startsWith('bench/')) expect(reached).toContain(file)
  })
})

describe('a list of claims', () => {
  const files: Record<string, string> = {
    'a.md': 'It _never_ **loses** a row,\nand says [so](b.md#c). `SLIPWAY_X` is 5 by default.',
    'test/a.test.ts': `
      describe.each(engines)('a table by %s', () => {
        it.each([['of text', 1]])('is read: %s', () => expect('a body').toBe('a body'))
        it(\`of \${kind} is whole\`, () => {})
      })`,
    'test/peers/a.test.ts': "it('beside another', () => {})",
    'bench/a.ts': "const what = 'rows a second'",
  }
  const faults = (row: string) =>
    faultsOf(`# Claims\n\n## a.md\n\n| claim | shown by |\n| --- | --- |\n${row}\n`, ['a.md'], (file) => files[file])

  it.each([
    '| never loses a row, and says so | `test/a.test.ts` "a table by", "of text" |',
    '| `SLIPWAY_X` is 5 | `test/a.test.ts` "is whole"; `bench/a.ts` "rows a second" |',
    '| says so | `bench/a.ts` "a second" (bench) |',
    '| says so | `test/peers/a.test.ts` "beside" (peers) |',
  ])('is in order: %s', (row) => {
    expect(faults(row)).toEqual([])
  })

  it.each([
    ['| loses a column | `test/a.test.ts` "is read" |', 'a.md does not say "loses a column"'],
    ['| says so | `test/a.test.ts` "is written" |', 'test/a.test.ts has no "is written"'],
    ['| says so | `test/a.test.ts` "a body" |', 'test/a.test.ts has no "a body"'],
    ['| says so | `test/b.test.ts` "is read" |', 'test/b.test.ts: there is no such file'],
    ['| says so | `bench/a.ts` "columns" (bench) |', 'bench/a.ts has no "columns"'],
    ['| says so | `bench/a.ts` "rows" |', 'a.md: "says so" is to be marked by bench'],
    ['| says so | `test/a.test.ts` "is read" and more |', 'a.md: "says so": and more cannot be read'],
    ['| says so | `test/a.test.ts` "is "read"" |', 'a.md: "says so": read"" cannot be read'],
    ['| says so | |', 'a.md: nothing shows "says so"'],
    ['', 'a.md: no claims are listed'],
  ])('has a fault: %s', (row, fault) => {
    expect(faults(row)).toEqual([fault])
  })

  it('knows titles by their calls', () => {
    expect(titlesOf(files['test/a.test.ts'] as string)).toEqual([
      'a table by %s',
      'is read: %s',
      'of text',
      'of … is whole',
    ])
  })
})
