import { afterAll, describe, expect, it } from 'vitest'
import { hostVersions } from '../../lib/code/host.ts'
import { planPipeline } from '../../lib/code/plan.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { expectAt } from '../support/expect-place.ts'
import { newProject, type TestProject, writeLoans } from '../support/project.ts'

/*
 * What goes wrong in a user's own files is said with the file, the line, the column and the line's text, whatever it
 * is. The line is found here by its text, so that nothing is computed as the product computes it.
 */
const projects: TestProject[] = []
afterAll(() => {
  for (const made of projects) made.remove()
})

async function failure(files: Record<string, string>): Promise<SlipwayError> {
  const made = newProject()
  projects.push(made)
  writeLoans(made)
  for (const [file, text] of Object.entries(files)) made.write(`pipelines/loans/${file}`, text)
  const error = await planPipeline(made.root, 'loans', hostVersions()).then(
    () => undefined,
    (reason) => reason,
  )
  expect(error, 'it plans').toBeInstanceOf(SlipwayError)
  return error
}

const body = (steps: string, before = ''): string =>
  `import { auc, binary, pipeline, trees } from 'slipway'
import { features } from './features.ts'
import { Loan } from './schema.ts'
import { bad } from './target.ts'
${before}
export default pipeline('loans', (p) => {
  const loans = p.snapshot('loans', { from: 'data/loans.parquet', schema: Loan })
  const parts = p.split(loans, { byHashOf: 'id', validation: 0.2, test: 0.3 })
${steps}
})
`
const train = "p.train('risk', { on: parts, features, target: binary('defaulted', bad), learner: trees(), seed: 1 })"

describe('a mistake in pipeline.ts is said with its line', () => {
  it.each<[string, string, string, string]>([
    ['an error thrown at the top', body('', "throw new Error('not today')"), 'new Error', 'not today'],
    ['a text thrown at the top', body('', "throw 'just words'"), "throw 'just", "'just words' (not an Error)"],
    ['a number thrown by a function', body('', 'const stop = () => {\n  throw 42\n}\nstop()'), 'throw 42', '42 (not'],
    ['null thrown', body('', 'throw null'), 'throw null', 'null (not an Error)'],
    ['a property of undefined', body('', 'const none: any = undefined\nnone.thing'), 'thing', 'TypeError'],
    ['a name that is not there', body('', 'nowhere()'), 'nowhere()', 'ReferenceError: nowhere is not defined'],
    ['an error in the function of the pipeline', body('  throw new RangeError("no")'), 'new Range', 'RangeError: no'],
    ['a text thrown in it', body("  throw 'no'"), "throw 'no'", "'no' (not an Error)"],
    ['a method that is not there', body('  ;(p as any).snapshoot("a")'), 'snapshoot', 'snapshoot is not a function'],
    ['a call without its options', body('  ;(p as any).train("risk")'), 'train("risk")', 'TypeError'],
    ['a step of another kind', body('  p.package(undefined as never)'), 'package(', 'TypeError'],
    ['a wrong parameter', body(train.replace('trees()', 'trees({ trees: -1 })')), 'trees({', 'trees: Too small'],
    ['an unknown parameter', body(train.replace('trees()', 'trees({ tress: 1 } as never)')), 'trees({', '"tress"'],
    ['a wrong option', body("  p.validate(loans, { maxBadRows: 'x' as never })"), 'validate(loans', 'maxBadRows'],
    ['a target that is no column', body(train.replace("'defaulted'", "'defaultet'")), "train('risk'", '"defaultet"'],
    [
      'two steps of one name',
      body("  p.snapshot('loans', { from: 'b.csv', schema: Loan })"),
      "snapshot('loans', { from: 'b",
      'steps of pipeline "loans" are named "loans"',
    ],
    [
      'a file without a format',
      body("  p.snapshot('more', { from: 'b.xyz', schema: Loan })"),
      "snapshot('more'",
      'format',
    ],
    [
      'a function that is none',
      body(train.replace('features,', 'features: none,'), 'const none: any = undefined'),
      "train('risk'",
      'features is undefined',
    ],
    ['a very long message', body('', "throw new Error('x'.repeat(1e6))"), 'new Error', 'xxxxxxx…'],
    ['a promise that fails', body('', "void Promise.reject(new Error('loose'))"), 'new Error', 'loose'],
    [
      'a promise of the steps',
      body("  void Promise.resolve().then(() => {\n    throw new Error('late')\n  })"),
      'new Error',
      'late',
    ],
    ['an error of many lines', body('', "throw new Error('a\\nb\\n    at c (d.ts:1:1)')"), 'new Error', 'a b'],
  ])('%s', async (_, text, words, says) => {
    const error = await failure({ 'pipeline.ts': text })
    expect(error.message).toContain(says)
    expect(error.message.length).toBeLessThan(700)
    expectAt(error, 'DEFINITION_INVALID', 'pipelines/loans/pipeline.ts', text, words)
  })

  it.each<[string, string, string, string]>([
    ['a bracket too many', body('  p.validate(loans, ])'), '])', 'Unexpected "]"'],
    [
      'a package that is not installed',
      body('', "import { sum } from 'left-padding'\nsum()"),
      "'left-padding'",
      'npm install left-padding',
    ],
    ['a file that is not there', body('', "import { sum } from './sums.ts'\nsum()"), "'./sums.ts'", 'sums.ts'],
    ['an await at the top', body('', 'await Promise.resolve(1)'), 'await Promise', 'op-level await'],
    ['a file of another kind', body('', "import logo from './logo.bmp'\nlogo()"), "'./logo.bmp'", 'loader'],
  ])('%s, which is no code', async (_, text, words, says) => {
    const error = await failure({ 'pipeline.ts': text, 'logo.bmp': 'x' })
    expect(`${error.message} ${error.facts.next}`).toContain(says)
    expectAt(error, 'DEFINITION_SYNTAX', 'pipelines/loans/pipeline.ts', text, words)
  })

  it('a builtin of Node', async () => {
    const text = body('', "import { readFileSync } from 'node:fs'\nreadFileSync('x')")
    expectAt(await failure({ 'pipeline.ts': text }), 'CODE_IMPURE', 'pipelines/loans/pipeline.ts', text, "'node:fs'")
  })

  it('a function that is no export', async () => {
    const text = body(train.replace('features,', 'features: (c) => ({ a: c.age }),'))
    expectAt(
      await failure({ 'pipeline.ts': text }),
      'CODE_NOT_EXPORTED',
      'pipelines/loans/pipeline.ts',
      text,
      "train('risk'",
    )
  })

  it.each([
    ['an async function of the pipeline', body('').replace('(p) =>', 'async (p) =>'), 'is async'],
    ['an async function that throws later', body('  await 1\n  throw 1').replace('(p) =>', 'async (p) =>'), 'is async'],
    ['no default export', body('').replace('export default', 'export const it ='), 'exports nothing as its default'],
    ['a default export of something else', 'export default { name: "loans" }\n', 'exports something else'],
    ['a default export of null', 'export default null\n', 'exports something else'],
    ['another name', body('').replace("pipeline('loans'", "pipeline('loan'"), 'names its pipeline "loan"'],
    ['nothing at all', '', 'exports no pipeline'],
    [
      'no steps',
      "import { pipeline } from 'slipway'\nexport default pipeline('loans', () => {})\n",
      'steps: Too small',
    ],
  ])('%s', async (_, text, says) => {
    const error = await failure({ 'pipeline.ts': text })
    expect(error).toMatchObject({ code: 'DEFINITION_INVALID', message: expect.stringContaining(says) })
    expect(error.message).toContain(/async|steps/.exec(error.message)?.[0] ?? 'pipelines/loans/pipeline.ts')
  })
})

describe('a mistake in another file is said with that file', () => {
  it.each<[string, string, string, string, string]>([
    [
      'features.ts',
      'an error at its top',
      "export const features = () => ({})\nthrow new Error('early')\n",
      'new Error',
      'early',
    ],
    [
      'schema.ts',
      'a method that zod does not have',
      "import { z } from 'zod'\nexport const Loan = z.object({\n  id: (z as any).integre(),\n})\n",
      'integre',
      'integre is not a function',
    ],
    [
      'schema.ts',
      'a broken expression',
      "import { z } from 'zod'\nexport const Loan = z.object({ id: z.string().regex(new RegExp('(')) })\n",
      'new RegExp',
      'Invalid regular expression',
    ],
    [
      'target.ts',
      'modules that import each other',
      "import { Loan } from './schema.ts'\nimport { Again } from './again.ts'\nexport const bad = () => [Loan, Again]\nexport class base {}\n",
      '',
      'Class extends value undefined',
    ],
  ])('%s: %s', async (file, _, text, words, says) => {
    const again = "import { base } from './target.ts'\nexport class Again extends (base as any) {}\n"
    const error = await failure({ [file]: text, 'again.ts': again })
    expect(error.message).toContain(says)
    if (file === 'target.ts') expectAt(error, 'DEFINITION_INVALID', 'pipelines/loans/again.ts', again, 'class Again')
    else expectAt(error, 'DEFINITION_INVALID', `pipelines/loans/${file}`, text, words)
  })

  it('JSON that is none', async () => {
    const error = await failure({
      'pipeline.ts': body('', "import table from './table.json'\nvoid table"),
      'table.json': '{ "a": 1,, }',
    })
    expectAt(error, 'DEFINITION_SYNTAX', 'pipelines/loans/table.json', '{ "a": 1,, }', ', }')
  })

  it('a name that its module does not export', async () => {
    const text = body('', "import { nothing } from './schema.ts'\nnothing.thing()")
    const error = await failure({ 'pipeline.ts': text })
    expect(['DEFINITION_SYNTAX', 'DEFINITION_INVALID']).toContain(error.code)
    expect(error.facts.at).toMatchObject({ file: 'pipelines/loans/pipeline.ts' })
  })

  it('what a schema cannot have is said with its column, at the step that reads it', async () => {
    const error = await failure({
      'schema.ts':
        "import { z } from 'zod'\nexport const Loan = z.object({ id: z.int(), more: z.object({ a: z.string() }) })\n",
    })
    expect(error).toMatchObject({ code: 'DEFINITION_INVALID', message: expect.stringContaining('"more"') })
    expect(error.facts.at?.text).toContain('schema: Loan')
  })

  it('the clock is said with its line', async () => {
    const text =
      'export function features({ income }: any) {\n  return { income, now: income.map(() => Date.now()) }\n}\n'
    expectAt(await failure({ 'features.ts': text }), 'CODE_IMPURE', 'pipelines/loans/features.ts', text, 'Date.now')
  })
})

describe('a mistake beside the code', () => {
  it('an address with a secret is said with its place, and without the line that holds it', async () => {
    const text = body(train).replace("'data/loans.parquet'", "'https://me:hunter2@host/loans.parquet'")
    const error = await failure({ 'pipeline.ts': text })
    expect(error.facts.at).toMatchObject({ file: 'pipelines/loans/pipeline.ts', line: 7, text: null })
    expect(`${error.message} ${JSON.stringify(error.facts)}`).not.toContain('hunter2')
  })

  it('a folder where the definition should be', async () => {
    const made = newProject()
    projects.push(made)
    made.write('pipelines/loans/pipeline.ts/x.ts', '')
    await expect(planPipeline(made.root, 'loans', hostVersions())).rejects.toMatchObject({ code: 'PIPELINE_UNKNOWN' })
  })

  it('a file where the pipelines should be', async () => {
    const made = newProject()
    projects.push(made)
    made.remove()
    made.write('pipelines', '')
    await expect(planPipeline(made.root, 'loans', hostVersions())).rejects.toMatchObject({ code: 'PIPELINE_UNKNOWN' })
  })

  it('a tsconfig.json that is broken is not read', async () => {
    const made = newProject()
    projects.push(made)
    writeLoans(made)
    made.write('tsconfig.json', '{ nonsense')
    await expect(planPipeline(made.root, 'loans', hostVersions())).resolves.toBeDefined()
  })

  it('a name with spaces', async () => {
    const made = newProject()
    projects.push(made)
    writeLoans(made)
    made.write(
      'pipelines/my loans/pipeline.ts',
      body('').replaceAll("'./", "'../loans/").replace("pipeline('loans'", "pipeline('my loans'"),
    )
    await expect(planPipeline(made.root, 'my loans', hostVersions())).rejects.toMatchObject({
      code: 'DEFINITION_INVALID',
    })
  })
})
