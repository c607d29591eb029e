import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { bundleFunction } from '../../lib/code/bundle.ts'
import { hostVersions, packageRoot } from '../../lib/code/host.ts'
import { loadFunction } from '../../lib/code/load.ts'
import { planPipeline } from '../../lib/code/plan.ts'
import type { SlipwayError } from '../../lib/formats/errors.ts'
import { digestOf } from '../../lib/store/digest.ts'
import { cloneProject, newProject, type TestProject, writeLoans } from '../support/project.ts'

const projects: TestProject[] = []
const project = (): TestProject => {
  const made = newProject()
  projects.push(made)
  return made
}
afterAll(() => {
  for (const made of projects) made.remove()
})

const base = {
  'helper.ts':
    'export const factor = 3\nexport function scale(x: number) { return x * factor }\nexport function unused() { return 1 }\n',
  'features.ts':
    "import { scale } from './helper.ts'\n\nexport function features({ x }: { x: Float64Array }) {\n  return { x: Float64Array.from(x, scale) }\n}\n\nexport function other() { return 2 }\n",
}

async function digestWith(
  changes: Partial<Record<string, string>>,
  prepare: (made: TestProject) => void = () => {},
): Promise<string> {
  const made = project()
  for (const [file, text] of Object.entries({ ...base, ...changes })) made.write(`pipelines/p/${file}`, text as string)
  prepare(made)
  return digestOf((await bundleFunction(made.root, join(made.root, 'pipelines/p/features.ts'), 'features')).code)
}

describe("a user function's digest", () => {
  it.each<[string, Record<string, string>]>([
    ['a comment', { 'features.ts': `// hello\n${base['features.ts']}` }],
    [
      'a type',
      {
        'features.ts': `${base['features.ts'].replace('features({ x }', 'features({ x, y }').replace('{ x: Float64Array }', '{ x: Float64Array; y?: string }').replace('{ x, y }', '{ x }')}type Extra = { a: 1 }\n`,
      },
    ],
    [
      'blank lines and line ends',
      { 'features.ts': base['features.ts'].replaceAll('\n', '\r\n').replace('\r\n\r\n', '\r\n\r\n\r\n') },
    ],
    ['another export', { 'features.ts': `${base['features.ts']}export const third = 'x'\n` }],
    ['a helper that is not reached', { 'helper.ts': base['helper.ts'].replace('return 1', 'return 7') }],
    [
      'a schema beside it',
      {
        'features.ts': `import { z } from 'zod'\nexport const Row = z.object({ x: z.number().min(3), y: z.string().regex(/^a/).nullable() })\n${base['features.ts']}`,
      },
    ],
    [
      'a pipeline beside it',
      {
        'features.ts': `import { pipeline } from 'slipway'\n${base['features.ts']}export default pipeline('p', (p) => { void p })\n`,
      },
    ],
  ])('does not change with %s', async (_, changes) => {
    expect(await digestWith(changes)).toBe(await digestWith({}))
  })

  it('does not change with a symlinked folder', async () => {
    const link = await digestWith({}, (made) => symlinkSync(made.root, `${made.root}-link`))
    const made = projects.at(-1) as TestProject
    expect(
      digestOf(
        (await bundleFunction(`${made.root}-link`, join(`${made.root}-link`, 'pipelines/p/features.ts'), 'features'))
          .code,
      ),
    ).toBe(link)
  })

  it('does not change with time zone and locale', () => {
    const made = project()
    for (const [file, text] of Object.entries(base)) made.write(`pipelines/p/${file}`, text)
    writeLoans(made)
    const plan = (env: Record<string, string>) => {
      // A process of its own: both are read at start.
      const script = join(packageRoot, 'dist', 'test-plan.mjs')
      mkdirSync(join(packageRoot, 'dist'), { recursive: true })
      spawnSync(join(packageRoot, 'node_modules/.bin/esbuild'), [
        join(packageRoot, 'test/support/print-plan.ts'),
        '--bundle',
        '--format=esm',
        '--platform=node',
        '--packages=external',
        `--outfile=${script}`,
      ])
      return spawnSync(process.execPath, [script, made.root, 'loans'], {
        encoding: 'utf8',
        env: { ...process.env, ...env },
      }).stdout
    }
    const here = plan({ TZ: 'UTC', LC_ALL: 'C' })
    expect(here).toContain('sha256:')
    expect(plan({ TZ: 'Asia/Kathmandu', LC_ALL: 'tr_TR.UTF-8' })).toBe(here)
  })

  it.each<[string, Record<string, string>]>([
    ['a helper that is reached', { 'helper.ts': base['helper.ts'].replace('x * factor', 'x + factor') }],
    ['a constant that a helper reads', { 'helper.ts': base['helper.ts'].replace('factor = 3', 'factor = 4') }],
    [
      'its own body',
      { 'features.ts': base['features.ts'].replace('{ x: Float64Array.from', '{ y: Float64Array.from') },
    ],
  ])('changes with %s', async (_, changes) => {
    expect(await digestWith(changes)).not.toBe(await digestWith({}))
  })
})

describe('a bundle', () => {
  it('runs as the function did, from its text alone', async () => {
    const made = project()
    for (const [file, text] of Object.entries(base)) made.write(`pipelines/p/${file}`, text)
    const { code } = await bundleFunction(made.root, join(made.root, 'pipelines/p/features.ts'), 'features')
    expect(loadFunction(code, digestOf(code))({ x: Float64Array.of(1, 2) })).toEqual({ x: Float64Array.of(3, 6) })
  })

  it('is refused when a byte of it was changed', () => {
    const code = 'module.exports = { default: () => 1 }'
    expect(() => loadFunction(code.replace('1', '2'), digestOf(code))).toThrow(/was changed/)
  })

  it('keeps nothing between one load and the next', () => {
    const code = 'let n = 0; module.exports = { default: () => ++n }'
    const digest = digestOf(code)
    expect([loadFunction(code, digest)(), loadFunction(code, digest)()]).toEqual([1, 1])
  })

  it.each([
    ['process.env.HOME', 'process'],
    ['Date.now()', 'Date.now'],
    ['new Date().getTime()', 'new Date()'],
    ['Math.random()', 'Math.random'],
    ["fetch('http://x')", 'fetch'],
    ["eval('1')", 'eval'],
    ['import(String(income))', 'import()'],
    ['new Date(2020, 1)', 'local time'],
    ['new Date(0).getHours()', 'local time (getHours'],
    ['new Date(0).setMonth(1)', 'local time (setMonth'],
    ["'a'.localeCompare('b')", 'the locale (localeCompare)'],
    ['(1).toLocaleString()', 'the locale (toLocaleString)'],
    ["new Intl.NumberFormat('en')", 'the locale (Intl)'],
    ['new SharedArrayBuffer(8)', 'shares memory'],
  ])('with %s is refused, with file and line', async (expression, what) => {
    const made = project()
    writeLoans(made, {
      features: `const used = (income: unknown) => ${expression}\n\nexport function features({ income }: { income: Float64Array }) {\n  void used(income)\n  return { income }\n}\n`,
    })
    made.write('pipelines/loans/x.ts', 'export const x = 1\n')
    const error = (await planPipeline(made.root, 'loans', hostVersions()).catch((reason) => reason)) as SlipwayError
    expect(error).toMatchObject({ code: 'CODE_IMPURE' })
    expect(error.message).toContain('pipelines/loans/features.ts:1')
    expect(error.message).toContain(what)
  })

  it('with a builtin of Node is refused', async () => {
    const made = project()
    writeLoans(made, {
      features:
        "import { readFileSync } from 'node:fs'\nexport function features({ income }: { income: Float64Array }) { readFileSync('x'); return { income } }\n",
    })
    await expect(planPipeline(made.root, 'loans', hostVersions())).rejects.toMatchObject({ code: 'CODE_IMPURE' })
  })

  it.each([
    ['let calls = 0', 'calls++', 'calls'],
    ['let last = 0', '[last] = [1]', 'last'],
    ['let last = { a: 0 }', '({ a: last.a } = { a: 1 })', 'last'],
    ['const seen = new Map<number, number>()', 'seen.set(1, 2)', 'seen'],
    ['const seen = new Set<number>()', 'seen.add(1)', 'seen'],
    ['const buffer = new Float64Array(8)', 'buffer[0] = 1', 'buffer'],
    ['const buffer = new Float64Array(8)', 'buffer.fill(1)', 'buffer'],
    ['const rows: number[] = []', 'rows.push(1)', 'rows'],
    ['const table: Record<string, number> = {}', "delete table['a']", 'table'],
    ['const pattern = /a/g', "pattern.test('a')", 'pattern'],
    ['const pattern = /a/y', "pattern.exec('a')", 'pattern'],
    ['class Counter { static count = 0 }', 'Counter.count += 1', 'Counter'],
    ['const state = { n: 0 }', '[1].forEach(() => { state.n += 1 })', 'state'],
  ])('that keeps something in its module is refused where it is written: %s; %s', async (kept, write, name) => {
    const made = project()
    const features = `${kept}\n\nexport function features({ income }: { income: Float64Array }) {\n  ${write}\n  return { income }\n}\n`
    writeLoans(made, { features })
    const error = (await planPipeline(made.root, 'loans', hostVersions()).catch((reason) => reason)) as SlipwayError
    expect(error).toMatchObject({ code: 'CODE_IMPURE' })
    expect(error.message).toContain('pipelines/loans/features.ts:4')
    expect(error.message).toContain(`keeps something from one call to the next (${name})`)
  })

  it.each([
    ['const codes = new Map([[1, 2]])', 'codes.get(1)'],
    ['const weights = Float64Array.of(1, 2)', 'weights[0]'],
    ['const pattern = /a/g', "'a'.replaceAll(pattern, 'b')"],
    ['const pattern = /a/', "pattern.test('a')"],
    ['const table = new Float64Array(4)\nfor (let i = 0; i < 4; i++) table[i] = i', 'table[1]'],
    ['const made = (() => { const own: number[] = []; own.push(1); return own })()', 'made[0]'],
    ['const rows: number[] = [1]', '(() => { const rows: number[] = []; rows.push(1); return rows })()'],
    ['enum Color { Red, Green }', 'Color.Red'],
    ['const limit = 3', '[1, 2].map((limit) => { limit += 1; return limit })'],
  ])('may have in its module what it only reads: %s; %s', async (kept, read) => {
    const made = project()
    const features = `${kept}\n\nexport function features({ income }: { income: Float64Array }) {\n  void (${read})\n  return { income }\n}\n`
    writeLoans(made, { features })
    await expect(planPipeline(made.root, 'loans', hostVersions())).resolves.toBeDefined()
  })

  it('may use a local variable of an impure name', async () => {
    const made = project()
    writeLoans(made, {
      features:
        'export function features({ income }: { income: Float64Array }) { const process = income; return { income: process } }\n',
    })
    await expect(planPipeline(made.root, 'loans', hostVersions())).resolves.toBeDefined()
  })
})

describe('planning', () => {
  it('gives the same plan in another folder', async () => {
    const made = project()
    writeLoans(made)
    await made.data('data/loans.parquet', 'SELECT 1 AS id')
    const clone = cloneProject(made)
    projects.push(clone)
    const [a, b] = await Promise.all([made, clone].map(({ root }) => planPipeline(root, 'loans', hostVersions())))
    expect(b?.plan).toEqual(a?.plan)
  })

  it('changes parameters by --set, checks them, and suggests what may have been meant', async () => {
    const made = project()
    writeLoans(made)
    const { plan } = await planPipeline(made.root, 'loans', hostVersions(), { trees: '7', seed: '9' })
    expect(plan.steps.find(({ kind }) => kind === 'train')).toMatchObject({ seed: 9, learner: { trees: 7 } })
    await expect(planPipeline(made.root, 'loans', hostVersions(), { tress: '7' })).rejects.toMatchObject({
      code: 'USAGE',
      facts: { next: 'did you mean --set trees=7?' },
    })
    await expect(planPipeline(made.root, 'loans', hostVersions(), { trees: 'many' })).rejects.toMatchObject({
      code: 'USAGE',
    })
  })

  it('names the pipelines there are when one is unknown, and the nearest', async () => {
    const made = project()
    writeLoans(made)
    await expect(planPipeline(made.root, 'lones', hostVersions())).rejects.toMatchObject({
      code: 'PIPELINE_UNKNOWN',
      facts: { next: 'did you mean "loans"?' },
    })
  })

  it('points at a syntax error', async () => {
    const made = project()
    writeLoans(made, { features: 'export function features( {\n' })
    await expect(planPipeline(made.root, 'loans', hostVersions())).rejects.toMatchObject({
      code: 'DEFINITION_SYNTAX',
      message: expect.stringContaining('pipelines/loans/features.ts:'),
    })
  })

  it('asks for an export where a function was written inline', async () => {
    const made = project()
    writeLoans(made)
    const file = join(made.root, 'pipelines/loans/pipeline.ts')
    writeFileSync(
      file,
      readFileSync(file, 'utf8').replace('features, target', 'features: ({ income }) => ({ income }), target'),
    )
    await expect(planPipeline(made.root, 'loans', hostVersions())).rejects.toMatchObject({ code: 'CODE_NOT_EXPORTED' })
  })

  it.each([
    ["target: binary('defaulted', bad), weight: 'incom'", 'the weight of "risk" is no column: "incom"'],
    ["target: binary('defaultet', bad)", 'the target of "risk" is no column: "defaultet"'],
    [
      "target: binary('defaulted', bad), weight: 'defaulted'",
      '"defaulted" is both the target and the weight of "risk"',
    ],
  ])(
    'names the columns there are when one is unknown, without a type checker as well: %s',
    async (options, message) => {
      const made = project()
      writeLoans(made)
      const file = join(made.root, 'pipelines/loans/pipeline.ts')
      writeFileSync(file, readFileSync(file, 'utf8').replace(/target: binary\('defaulted', bad\)/, options))
      await expect(planPipeline(made.root, 'loans', hostVersions())).rejects.toMatchObject({
        code: 'DEFINITION_INVALID',
        message: expect.stringContaining(message),
      })
    },
  )

  it('says what is wrong with a definition that throws, exports nothing, or names two steps alike', async () => {
    const made = project()
    writeLoans(made, { body: "throw new Error('not today')\n" })
    await expect(planPipeline(made.root, 'loans', hostVersions())).rejects.toMatchObject({
      code: 'DEFINITION_INVALID',
      message: expect.stringContaining('not today'),
    })
    writeLoans(made, { body: 'export default 3\n' })
    await expect(planPipeline(made.root, 'loans', hostVersions())).rejects.toMatchObject({ code: 'DEFINITION_INVALID' })
    writeLoans(made, {
      body: "import { pipeline } from 'slipway'\nimport { Loan } from './schema.ts'\nexport default pipeline('loans', (p) => { p.snapshot('a', { from: 'a.csv', schema: Loan }); p.snapshot('a', { from: 'b.csv', schema: Loan }) })\n",
    })
    await expect(planPipeline(made.root, 'loans', hostVersions())).rejects.toMatchObject({
      code: 'DEFINITION_INVALID',
      message: expect.stringContaining('"a"'),
    })
  })
})
