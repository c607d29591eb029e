import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { withDuckDb } from '../../lib/data/duckdb.ts'
import type { LocalTable } from '../../lib/data/table.ts'
import type { LearnerParameters } from '../../lib/formats/learner.ts'
import type { StepOf } from '../../lib/formats/plan.ts'
import type { RowSchema } from '../../lib/formats/row-schema.ts'
import { trainingFiles, trainModel } from '../../lib/learners/train-model.ts'
import { type LocalModel, trainedFacts } from '../../lib/models/model.ts'
import { digestOf } from '../../lib/store/digest.ts'
import { penguinsSql } from './penguins.ts'

const column = (name: string, type: RowSchema[number]['type']) => ({ name, type, nullable: false })
export const penguinSchema: RowSchema = [
  column('id', 'integer'),
  column('bill', 'number'),
  column('flipper', 'integer'),
  column('island', 'string'),
  column('species', 'string'),
]
const code = 'module.exports.default = ({ bill, flipper }) => ({ bill, flipper })'

/** A place for tables and models of penguins, in this process. */
export function classPlace() {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-classes-'))
  let tables = 0
  const codeFile = join(folder, 'features.js')
  writeFileSync(codeFile, code)

  async function table(sql: string): Promise<LocalTable> {
    const file = join(folder, `rows-${tables++}.parquet`)
    const rows = await withDuckDb(1, async (connection) => {
      await connection.run(`COPY (SELECT * EXCLUDE (day) FROM (${sql})) TO '${file}' (FORMAT parquet)`)
      const result = await connection.runAndReadAll(`SELECT count(*) FROM '${file}'`)
      return Number(result.getRows()[0]?.[0])
    })
    return { files: [file], format: 'parquet', schema: penguinSchema, rows }
  }

  /** Trains on some rows, and gives the package's files without what it is signed by. */
  async function train(
    learner: LearnerParameters,
    { modelFile, trainSql = penguinsSql(1_500), validationSql = penguinsSql(500, { from: 1_500 }) }: TrainedOn = {},
  ) {
    const into = mkdtempSync(join(folder, 'model-'))
    const step = {
      id: 'train',
      kind: 'train',
      split: 'split',
      task: 'multiclass',
      inputs: penguinSchema.filter(({ name }) => name === 'bill' || name === 'flipper'),
      features: { name: 'features', file: 'features.ts', digest: digestOf(code), host: {} },
      target: { column: 'species' },
      learner,
      seed: 1,
    } as StepOf<'train'>
    const validation = await table(validationSql)
    const { report } = await trainModel(
      {
        step,
        model: 'penguins',
        train: await table(trainSql),
        validation,
        features: { name: 'features', file: codeFile, digest: digestOf(code) } as never,
        target: undefined,
        modelFile,
        folder: into,
      },
      () => {},
    )
    const file = (name: keyof typeof trainingFiles): string => join(into, trainingFiles[name])
    const model: LocalModel = {
      facts: {
        name: 'penguins',
        task: 'multiclass',
        inputs: step.inputs,
        target: 'species',
        ...trainedFacts(report),
        featureCode: { name: 'features', digest: digestOf(code), host: {} },
        learner,
        seed: 1,
        signature: 1,
        snapshot: digestOf('rows'),
      },
      onnxFile: file('model'),
      codeFile,
      baselineFile: file('baseline'),
    }
    return {
      model,
      report,
      validation,
      predictions: file('parity'),
      folder: into,
      read: () => readFileSync(file('model')),
    }
  }

  return { folder, table, train, close: () => rmSync(folder, { recursive: true, force: true }) }
}

interface TrainedOn {
  readonly modelFile?: string
  readonly trainSql?: string
  readonly validationSql?: string
}
