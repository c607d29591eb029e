import { mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hostVersions, packageRoot } from '../../lib/code/host.ts'
import { type PlannedPipeline, planPipeline } from '../../lib/code/plan.ts'
import { withDuckDb } from '../../lib/data/duckdb.ts'
import { inspect } from '../../lib/data/inspect.ts'
import { type PartName, splitTable } from '../../lib/data/split.ts'
import type { LocalTable } from '../../lib/data/table.ts'
import type { StepKind, StepOf } from '../../lib/formats/plan.ts'
import { trainModel } from '../../lib/learners/train-model.ts'
import { newProject, type TestProject } from '../support/project.ts'
import { typeCheck } from '../support/type-check.ts'

/*
 * The first pipeline of docs/start/first-pipeline.md, as a reader copies it.
 */
const page = readFileSync(join(packageRoot, 'docs/start/first-pipeline.md'), 'utf8')
const files = [...page.matchAll(/^`(pipelines\/rain\/[\w-]+\.ts)`[^`]*(?:`[^`]+`[^`]*)*?\n\n```ts\n(.*?)```/gms)]

let project: TestProject
let planned: PlannedPipeline
beforeAll(async () => {
  project = newProject()
  for (const [, file = '', text = ''] of files) project.write(file, text)
  const modules = join(project.root, 'node_modules')
  mkdirSync(modules)
  for (const name of ['zod', 'vega-datasets', '@types'])
    symlinkSync(join(packageRoot, 'node_modules', name), join(modules, name))
  symlinkSync(packageRoot, join(modules, 'slipway'))
  planned = await planPipeline(project.root, 'rain', hostVersions())
})
afterAll(() => project?.remove())

const step = <Kind extends StepKind>(kind: Kind) =>
  planned.plan.steps.find((each) => each.kind === kind) as StepOf<Kind>

describe('the first pipeline of the documentation', () => {
  it('is three files, and the commands name it', () => {
    expect(files.map(([, file]) => file)).toEqual(
      ['schema', 'features', 'pipeline'].map((name) => `pipelines/rain/${name}.ts`),
    )
    for (const command of ['plan rain', 'run rain --wait', 'show rain'])
      expect(page).toContain(`npx slipway ${command}`)
  })

  it('type-checks, strictly', () => {
    const compile = () => typeCheck(project)
    expect(compile).not.toThrow()
    // It would notice.
    const file = 'pipelines/rain/pipeline.ts'
    const text = readFileSync(join(project.root, file), 'utf8')
    project.write(file, text.replace("'precipitation'", "'rainfall'"))
    expect(compile).toThrow()
    project.write(file, text)
  })

  it('is a plan of all the steps that it speaks of', () => {
    expect(planned.plan.steps.map(({ id }) => id)).toEqual([
      'days',
      'validate',
      'split',
      'model',
      'package',
      'evaluate',
      'gate',
      'register',
    ])
  })

  it('learns what its gate asks for from the file that it names', async () => {
    const [snapshot, trained] = [step('snapshot'), step('train')]
    const read = { files: [join(project.root, snapshot.from)], format: snapshot.format, schema: snapshot.schema }
    const rows = await withDuckDb(1, (connection) => inspect(connection, read, snapshot.from))
    expect(rows).toBe(1_461)
    const file = (part: PartName): string => join(project.root, `${part}.parquet`)
    const counts = await withDuckDb(1, (connection) =>
      splitTable(connection, { ...read, rows }, step('split').rule, file),
    )
    const part = (name: PartName): LocalTable => ({
      files: [file(name)],
      format: 'parquet',
      schema: snapshot.schema,
      rows: counts[name],
    })
    const code = (digest: string, name: string) => {
      project.write(`${name}.js`, planned.bundles.get(digest)?.code ?? '')
      return { file: join(project.root, `${name}.js`), digest, name }
    }
    const train = (learner: StepOf<'train'>['learner'], validation: LocalTable) =>
      trainModel(
        {
          step: { ...trained, learner },
          model: 'rain',
          train: part('train'),
          validation,
          features: code(trained.features.digest, 'features'),
          target: code(trained.target.code?.digest ?? '', 'rained'),
          folder: project.root,
        },
        () => {},
      )
    const { learner } = trained
    if (learner.kind !== 'trees') throw new Error('the first pipeline grows trees')
    const stopped = await train(learner, part('validation'))
    // The same trees once more, measured on rows that stopped nothing: the gate's.
    const { report } = await train(
      { ...learner, trees: stopped.report.trees as number, earlyStopping: 0 },
      part('test'),
    )
    const [atLeast] = step('gate').must
    expect(report.validationMetrics.auc).toBeGreaterThan((atLeast as { limit: number }).limit)
  })
})
