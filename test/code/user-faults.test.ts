import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { bundleFunction, type FunctionBundle } from '../../lib/code/bundle.ts'
import { loadFunction } from '../../lib/code/load.ts'
import { requireChunkInvariance, runFeatures } from '../../lib/code/run-features.ts'
import { runTarget } from '../../lib/code/run-target.ts'
import { withSourcePlace } from '../../lib/code/source-map.ts'
import type { UserFunction } from '../../lib/formats/columns.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { digestOf } from '../../lib/store/digest.ts'
import { expectAt } from '../support/expect-place.ts'
import { newProject, type TestProject } from '../support/project.ts'

/* What a user's function does wrong when it runs, from its bundle alone, is said with the line of its source. */
const projects: TestProject[] = []
afterAll(() => {
  for (const made of projects) made.remove()
})

async function bundleOf(files: Record<string, string>, exported: string): Promise<FunctionBundle> {
  const made = newProject()
  projects.push(made)
  for (const [file, text] of Object.entries(files)) made.write(`pipelines/p/${file}`, text)
  return bundleFunction(made.root, join(made.root, 'pipelines/p/features.ts'), exported)
}

/** What a function of `features.ts` does wrong, as a step says it. */
async function faultOf(
  files: Record<string, string>,
  use: (userFunction: UserFunction) => unknown,
  { exported = 'features', mapped = true } = {},
): Promise<SlipwayError> {
  const { code, sourceMap } = await bundleOf(files, exported)
  const error = await Promise.resolve()
    .then(() => use(loadFunction(code, digestOf(code))))
    .catch((reason) => reason)
  expect(error, 'it does nothing wrong').toBeInstanceOf(SlipwayError)
  return (await withSourcePlace(error, () => (mapped ? sourceMap : undefined))) as SlipwayError
}

const columns = { x: Float64Array.of(1, 2, 3), s: ['a', null, 'c'] }
const run = (features: UserFunction) => runFeatures(features, 'features', columns, 11)
const label = (target: UserFunction) => runTarget(target, 'binary', 'y', Float64Array.of(0, 1, 1), 11)
const file = 'pipelines/p/features.ts'
const helper =
  "/* A helper. */\nexport function scale(x: any): number {\n  // Not for nothing.\n  return x.nothing.more\n}\nexport const unused = 'secret'\n"
const features = (lines: string): string =>
  `import { scale } from './helper.ts'\n\n/** Makes features. */\nexport function features({ x, s }: any) {\n  void scale\n${lines}\n}\n`

describe('a feature function', () => {
  it.each<[string, string, string, string, string]>([
    [
      'throws',
      "  if (x.length > 0) throw new Error('no income')\n  return { x }",
      'new Error',
      'FEATURES_FAILED',
      'features throws on rows 11 to 13: no income',
    ],
    [
      'throws a text',
      "  if (x.length > 0) throw 'no income'\n  return { x }",
      "throw 'no",
      'FEATURES_FAILED',
      "'no income' (not an Error)",
    ],
    ['throws an object', '  throw { code: 7 }', 'throw {', 'FEATURES_FAILED', 'a value of type object (not an Error)'],
    ['throws nothing', '  throw undefined', 'throw undefined', 'FEATURES_FAILED', 'undefined (not an Error)'],
    [
      'reads a property of null',
      '  return { n: s.map((v: any) => v.length) }',
      'length',
      'FEATURES_FAILED',
      'TypeError',
    ],
    [
      'throws in what it returns',
      "  return { get x() { throw new RangeError('late') } }",
      'new RangeError',
      'FEATURES_FAILED',
      'late',
    ],
    [
      'never comes back from itself',
      '  const again = (n: number): any => again(n + 1)\n  return again(0)',
      'again(n + 1)',
      'FEATURES_FAILED',
      'Maximum call stack',
    ],
    ['says a book', "  throw new Error('x'.repeat(1e7))", 'new Error', 'FEATURES_FAILED', 'xxx…'],
    [
      'says a stack',
      "  throw new Error('a\\n    at b (c.ts:1:2)\\n    at d (e.ts:3:4)')",
      'new Error',
      'FEATURES_FAILED',
      'throws on rows',
    ],
    ['returns nothing', '  void x', 'function features', 'FEATURES_TYPE', 'returns undefined'],
    ['returns a list', '  return [x]', 'function features', 'FEATURES_TYPE', 'returns a Array'],
    ['returns plain numbers', '  return { x: [1, 2, 3] }', 'function features', 'FEATURES_TYPE', 'a number in row 11'],
    ['returns too few', '  return { x: x.slice(1) }', 'function features', 'FEATURES_LENGTH', '2 rows for 3'],
    [
      'makes infinities',
      '  return { x: x.map((v: number) => v / 0) }',
      'function features',
      'FEATURES_NOT_FINITE',
      'Infinity in row 11',
    ],
    ['makes no columns', '  return {}', 'function features', 'FEATURES_TYPE', 'no columns'],
  ])('that %s', async (_, lines, words, code, says) => {
    const text = features(lines)
    const error = await faultOf({ 'features.ts': text, 'helper.ts': helper }, run)
    expect(error.message).toContain(says)
    expect(error.message.length).toBeLessThan(700)
    expectAt(error, code, file, text, words.trim())
  })

  it('that fails in another module is said with that one', async () => {
    const text = features('  return { x: x.map(scale) }')
    const error = await faultOf({ 'features.ts': text, 'helper.ts': helper }, run)
    expectAt(error, 'FEATURES_FAILED', 'pipelines/p/helper.ts', helper, 'more')
  })

  it.each([
    ['is async', '  return { x }'],
    ['is async and fails', "  await 1\n  throw new Error('later')"],
  ])('that %s', async (_, lines) => {
    const text = features(lines).replace('export function', 'export async function')
    const error = await faultOf({ 'features.ts': text, 'helper.ts': helper }, run)
    expect(error).toMatchObject({ code: 'FEATURES_TYPE', message: expect.stringContaining('returns a Promise') })
    expect(error.facts).toMatchObject({ next: expect.stringContaining('async'), at: { file, line: 4 } })
  })

  it('that depends on the chunks', async () => {
    const text = features('  return { n: x.map(() => x.length) }')
    const error = await faultOf({ 'features.ts': text, 'helper.ts': helper }, (made) =>
      requireChunkInvariance(made, 'features', columns),
    )
    expectAt(error, 'FEATURES_DEPEND_ON_CHUNKS', file, text, 'function features')
  })

  it('that is an arrow, a method chain, or wrapped in minified lines keeps its line', async () => {
    const text =
      'const a = 1\nconst b = a + 1\n\nexport const features = ({ x }: any) =>\n  x\n    .map((v: number) => v + b)\n    .nothing()\n'
    expectAt(await faultOf({ 'features.ts': text }, run), 'FEATURES_FAILED', file, text, 'nothing()')
  })

  it('whose module throws when it is loaded', async () => {
    const text =
      "import { z } from 'zod'\n\nconst limits = z.object({ most: z.number() }).parse({ most: 'x' })\nexport const features = ({ x }: any) => ({ x: x.map(() => limits.most) })\n"
    const error = await faultOf({ 'features.ts': text }, run)
    expect(error.message).toContain('most: Invalid input')
    expectAt(error, 'DEFINITION_INVALID', file, text, "parse({ most: 'x' })")
  })

  it('of a bundle without a map is said with its position there', async () => {
    const error = await faultOf({ 'features.ts': features("  throw new Error('x')"), 'helper.ts': helper }, run, {
      mapped: false,
    })
    expect(error.facts.at).toEqual({
      file: expect.stringMatching(/^slipway-code-[0-9a-f]{12}\.js$/),
      line: 1,
      column: expect.any(Number),
      text: null,
    })
    expect(error.message).toMatch(/^slipway-code-[0-9a-f]{12}\.js:1:\d+: features throws/)
  })
})

describe('a target function', () => {
  it.each<[string, string, string, string]>([
    ['throws', "  throw new Error('no label')", 'new Error', 'its function throws on rows 11 to 13: no label'],
    ['throws null', '  throw null', 'throw null', 'null (not an Error)'],
    ['returns nothing', '  void y', 'function late', 'undefined for 3 rows'],
    ['returns a number', '  return 1', 'function late', 'a number for 3 rows'],
    ['returns too many', '  return [...y, 1]', 'function late', '4 labels for 3 rows'],
    ['makes another class', '  return y.map(() => 2)', 'function late', 'the label of row 11 is a number'],
    ['leaves labels out', '  return [1, null, 0]', 'function late', 'the label of row 12 is null'],
    ['answers in words', "  return ['1', 'yes', '0']", 'function late', 'the label of row 12 is a string'],
  ])('that %s', async (_, lines, words, says) => {
    const text = `export function late(y: any): any {\n${lines}\n}\n`
    const error = await faultOf({ 'features.ts': text }, label, { exported: 'late' })
    expect(error.message).toContain(says)
    expectAt(error, 'TARGET_INVALID', file, text, words)
  })

  it('that is async', async () => {
    const error = await faultOf({ 'features.ts': 'export async function late(y: any) {\n  return y\n}\n' }, label, {
      exported: 'late',
    })
    expect(error).toMatchObject({ code: 'TARGET_INVALID', message: expect.stringContaining('Promise') })
  })
})

describe('the way back to the sources', () => {
  const text = features("  // A word of the author's.\n  return { x: x.map(scale) }")

  it('does not change the code, whatever is written beside it', async () => {
    const plain = await bundleOf({ 'features.ts': text, 'helper.ts': helper }, 'features')
    const commented = await bundleOf({ 'features.ts': `// More.\n\n${text}`, 'helper.ts': helper }, 'features')
    expect(commented.code).toBe(plain.code)
    expect(commented.sourceMap).not.toEqual(plain.sourceMap)
  })

  it('holds relative paths and the lines that are reached, no comments and no other code', async () => {
    const { sourceMap } = await bundleOf({ 'features.ts': text, 'helper.ts': helper }, 'features')
    const all = JSON.stringify(sourceMap)
    expect(
      sourceMap.sources.filter((source) => source.endsWith('.ts')).every((source) => !source.startsWith('/')),
    ).toBe(true)
    expect(sourceMap.sources).toEqual(expect.arrayContaining([file, 'pipelines/p/helper.ts']))
    expect(all).toContain('x.nothing.more')
    for (const word of ['secret', 'A helper', 'Makes features', 'author', projects.at(-1)?.root as string])
      expect(all).not.toContain(word)
  })
})
