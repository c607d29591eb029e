import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tsconfig } from '../../cli/init/project-files.ts'
import { hostVersions, packageRoot } from '../../lib/code/host.ts'
import { planPipeline } from '../../lib/code/plan.ts'
import { pipelineFiles } from '../../lib/proposal/files/index.ts'
import { newProject, type TestProject } from '../support/project.ts'
import { linkPackages, proposalFor, writeFiles } from '../support/proposals.ts'

const cells: Readonly<Record<string, (i: number, thrown: number) => string>> = {
  whole: (_, thrown) => String(thrown % 1_000),
  fraction: (_, thrown) => String(thrown / 7 - 90),
  bit: (_, thrown) => String(thrown % 2),
  words: (_, thrown) => ['no', 'Yes'][thrown % 2] as string,
  classes: (_, thrown) => ["it's", 'a "b"', '`$\u007Bc}`', '*/'][thrown % 4] as string,
  gaps: (_, thrown) => (thrown % 5 === 0 ? 'n/a' : String(thrown % 90)),
  comma: (_, thrown) => `1.${100 + (thrown % 900)},5`,
  day: (i) => new Date(Date.UTC(2020, 0, 1 + i * 20)).toISOString().slice(0, 10),
  german: (i) => `${1 + (i % 28)}.${1 + (i % 12)}.20${10 + (i % 14)}`,
  key: (i) => `k-${i * 31}`,
  text: (i) => `some ${i} words`,
  constant: () => 'x',
  nothing: () => '',
}
const oddNames = [
  'class',
  'Größe in m²',
  'constructor',
  'a b',
  "it's",
  '*/',
  '`$\u007Bx}`',
  'a"b',
  'new',
  '2024x',
  'ü',
  'Row',
  '\\',
]

/** Tables of any columns, with one that can be predicted. */
const anyTable = fc.record({
  columns: fc.uniqueArray(
    fc.tuple(fc.constantFrom(...oddNames, 'id', 'age', 'when'), fc.constantFrom(...Object.keys(cells))),
    { minLength: 1, maxLength: 9, selector: ([name]) => name },
  ),
  target: fc.constantFrom('whole', 'bit', 'words', 'classes', 'comma'),
  by: fc.constantFrom(',', ';', '\t'),
  rows: fc.integer({ min: 60, max: 150 }),
})

function textOf({ columns, target, by, rows }: ReturnType<typeof anyTable.generate>['value']): string {
  const all = [...columns, ['age_of_it', 'whole'], ['target', target]] as const
  const quoted = (cell: string): string => `"${cell.replaceAll('"', '""')}"`
  const thrown = (i: number, j: number): number => Math.imul(i * 31 + j + 1, 2654435761) >>> 8
  const lines = Array.from({ length: rows }, (_, i) =>
    all.map(([, kind], j) => quoted((cells[kind] as (typeof cells)[string])(i, thrown(i, j)))).join(by),
  )
  return [all.map(([name]) => quoted(name)).join(by), ...lines].join('\n')
}

describe('what is written for any table', () => {
  let project: TestProject
  const tables = fc.sample(anyTable, { numRuns: 24, seed: 20 })
  const names = tables.map((_, i) => `table-${i}`)
  beforeAll(async () => {
    project = newProject()
    linkPackages(project.root)
    project.write('package.json', '{ "type": "module" }')
    project.write('tsconfig.json', tsconfig(['pipelines']))
    for (const [i, table] of tables.entries()) {
      const template = i % 3 === 0 ? 'batch' : 'tabular'
      writeFiles(project.root, pipelineFiles(await proposalFor(textOf(table), { name: names[i] }), template))
    }
  })
  afterAll(() => project.remove())

  it('has no error of types, as strict as they are checked', () => {
    const tsc = join(packageRoot, 'node_modules/typescript/bin/tsc')
    const { stdout } = spawnSync(
      process.execPath,
      [tsc, '-p', project.root, '--pretty', 'false', '--customConditions', 'slipway-source'],
      {
        cwd: project.root,
        encoding: 'utf8',
      },
    )
    // What is linked here are Slipway's sources, which have settings of their own.
    expect(stdout.split('\n').filter((line) => line.startsWith('pipelines/'))).toEqual([])
  })

  it.each(names)('makes a plan: %s', async (name) => {
    const { plan } = await planPipeline(project.root, name, hostVersions())
    expect(plan.steps.map(({ kind }) => kind)).toContain('gate')
  })
})
