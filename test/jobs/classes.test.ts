import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { startCompiledModel } from '../../lib/compiler/compiled-model.ts'
import { answerColumnNames } from '../../lib/data/write-parts.ts'
import { sideBySide } from '../../lib/formats/answers.ts'
import { TreesLearner } from '../../lib/formats/learner.ts'
import { scoreShard } from '../../lib/jobs/batch/score-shard.ts'
import { evaluateModel } from '../../lib/jobs/evaluate.ts'
import { judgeGates } from '../../lib/jobs/judge.ts'
import { judgeNeverWorse } from '../../lib/jobs/never-worse.ts'
import { checkParity } from '../../lib/jobs/parity.ts'
import { proveRows } from '../../lib/jobs/prove-rows.ts'
import { compileTrees } from '../../lib/models/compile-trees.ts'
import type { LocalModel } from '../../lib/models/model.ts'
import { withModels } from '../../lib/models/with-models.ts'
import { classPlace, penguinSchema } from '../support/class-model.ts'
import { givenSpecies, penguinModel, penguinsSql, probabilitiesOf } from '../support/penguins.ts'

const place = classPlace()
afterAll(place.close)
const given = join(place.folder, 'given.onnx')
writeFileSync(given, penguinModel())
const learner = { kind: 'onnx', file: 'given.onnx', model: `sha256:${'0'.repeat(64)}` } as const
const taken = place.train(learner, { modelFile: given })
const nothing = (): void => {}
const newFolder = (): string => mkdtempSync(join(place.folder, 'step-'))

/** Evaluates a model on rows, and gives what gates are judged on. */
async function evaluated(model: LocalModel, sql: string) {
  const folder = newFolder()
  const table = await place.table(sql)
  const evaluation = await evaluateModel(
    {
      step: {
        id: 'evaluate',
        kind: 'evaluate',
        task: 'multiclass',
        target: { column: 'species' },
        part: 'test',
        slices: ['island'],
      } as never,
      model,
      table,
      gains: {},
      target: undefined,
      folder,
    },
    nothing,
  )
  const file = (name: string): string => join(folder, name)
  const files = {
    report: file('evaluation.json'),
    predictions: file('predictions.f32'),
    labels: file('labels.f64'),
    slices: { island: file('slice-island.i32') },
  }
  return { evaluation, table, files }
}

describe('a finished model of several classes', () => {
  it('answers what its own arithmetic says, in the order of its own classes', async () => {
    const { model, validation, predictions } = await taken
    expect(model.facts.outputs).toEqual(givenSpecies)
    const rows = { bill: Float64Array.of(36, 50, 48), flipper: Float64Array.of(180, 180, 225) }
    const answers = await withModels([model], (loaded) => loaded.score(rows))
    rows.bill.forEach((bill, row) => {
      const expected = probabilitiesOf({ bill, flipper: rows.flipper[row] as number })
      expected.forEach((value, i) => {
        expect(answers[row * 3 + i]).toBeCloseTo(value, 5)
      })
    })
    const parity = await checkParity({ model, table: validation, predictions, limit: 1e-5 })
    expect(parity.rows).toBe(500)
  })

  it('has a baseline of every probability, and of the class that is answered', async () => {
    const { model } = await taken
    const profile = JSON.parse(readFileSync(model.baselineFile, 'utf8'))
    for (const name of givenSpecies) expect(profile[`score:${name}`]).toMatchObject({ kind: 'numeric', rows: 500 })
    expect(profile['class:'].top.map(([name]: [string]) => name).sort()).toEqual([...givenSpecies].sort())
    expect(Object.keys(profile)).not.toContain('score:')
  })

  it('is measured, by slices too', async () => {
    const { model } = await taken
    const { evaluation } = await evaluated(model, penguinsSql(800, { from: 3_000 }))
    expect(evaluation).toMatchObject({ task: 'multiclass', outputs: givenSpecies, rows: 800 })
    expect(evaluation.metrics.accuracy).toBeGreaterThan(0.6)
    expect(evaluation.metrics.aucMacro).toBeGreaterThan(0.8)
    expect(evaluation.metrics).not.toHaveProperty('auc')
    const { classes = [] } = evaluation
    expect(classes.reduce((sum, { rows }) => sum + rows, 0)).toBe(800)
    expect(classes.reduce((sum, { f1 }) => sum + f1, 0) / 3).toBeCloseTo(evaluation.metrics.f1Macro as number, 12)
    expect(evaluation.slices.island?.map(({ value }) => value).sort()).toEqual(['Biscoe', 'Dream'])
    // Of the class that is answered: how sure it is, and how often it is right.
    const { reliability } = evaluation
    const total = (of: (bin: (typeof reliability)[number]) => number) =>
      reliability.reduce((sum, bin) => sum + bin.rows * of(bin), 0) / 800
    expect(total(({ positiveShare }) => positiveShare)).toBeCloseTo(evaluation.metrics.accuracy as number, 10)
    expect(evaluation.importance.map(({ feature }) => feature).sort()).toEqual(['bill', 'flipper'])
  })
})

describe('trees of several classes', () => {
  it('are trained, and their compiled model answers as ONNX Runtime does, all classes of every row', async () => {
    const { model, report, validation, predictions, folder } = await place.train(
      TreesLearner.parse({ kind: 'trees', trees: 15, leaves: 7 }),
    )
    expect(model.facts.outputs).toEqual(['Adelie', 'Chinstrap', 'Gentoo'])
    expect(report.classRows?.reduce((sum, rows) => sum + rows, 0)).toBe(1_500)
    expect(report.validationMetrics.accuracy).toBeGreaterThan(0.6)
    const trees = await compileTrees({ onnxFile: model.onnxFile, folder })
    if (trees.status === 'refused') throw new Error(trees.reason)
    const { parity, compared } = await proveRows(
      { model, table: validation, compiledModel: trees, predictions, limit: 1e-5 },
      nothing,
    )
    expect(parity.rows).toBe(500)
    expect(compared).toMatchObject({ rows: 500 })
    const rows = { bill: Float64Array.of(36, 50, 48), flipper: Float64Array.of(180, 180, 225) }
    const plain = await withModels([model], (loaded) => loaded.score(rows))
    const started = startCompiledModel(trees.plan, readFileSync(trees.codeFile), readFileSync(trees.tablesFile))
    const { answers } = started.scoreAll(
      { bill: Float32Array.from(rows.bill), flipper: Float32Array.from(rows.flipper) },
      3,
    )
    expect([...sideBySide(answers)]).toEqual([...plain])
  })
})

describe('gates', () => {
  const check = { rule: 'notWorseThan', metric: 'logLoss', opponent: 'champion', by: 0.05, confidence: 0.9 } as const
  async function judged(sql: string, steepness: number) {
    const { model } = await taken
    writeFileSync(join(place.folder, 'other.onnx'), penguinModel(steepness))
    const other = await place.train(learner, { modelFile: join(place.folder, 'other.onnx') })
    const [candidate, baseline] = [await evaluated(other.model, sql), await evaluated(model, sql)]
    return judgeGates(
      {
        step: { id: 'gate', kind: 'gate', must: [check], seed: 0 } as never,
        candidate: candidate.files,
        baseline: baseline.files,
        model: other.model,
        table: candidate.table,
        code: [],
        backtests: {},
      },
      nothing,
    )
  }

  it('let a candidate pass that is as good, and none that is surer than it should be', async () => {
    const sql = penguinsSql(1_000, { from: 4_000 })
    expect(await judged(sql, 1)).toMatchObject([{ passed: true }])
    expect(await judged(sql, 8)).toMatchObject([{ passed: false }])
  })

  it('do not judge on rows of a class that no training row is of', async () => {
    const odd = penguinsSql(300, { species: "CASE WHEN id < 7 THEN 'Macaroni' ELSE 'Adelie' END" })
    await expect(judged(odd, 1)).rejects.toMatchObject({
      code: 'CLASS_UNSEEN',
      message: expect.stringMatching(/rows of the test part .*: 1 class \(7 rows\)/),
      facts: { inFull: expect.stringContaining('"Macaroni" (7 rows)') },
    })
  })
})

describe('a class that training does not see', () => {
  it('ends the training where validation rows are of it', async () => {
    const validationSql = penguinsSql(200, { species: "CASE WHEN id < 3 THEN 'Macaroni' ELSE 'Adelie' END" })
    const linear = { kind: 'linear', l2: 1 } as const
    await expect(place.train(linear, { validationSql })).rejects.toMatchObject({
      code: 'CLASS_UNSEEN',
      message: expect.stringMatching(/rows of the validation part .*: 1 class \(3 rows\)/),
      facts: { inFull: expect.stringContaining('"Macaroni" (3 rows)') },
    })
  })

  it('is refused of a finished model that does not know it', async () => {
    const trainSql = penguinsSql(300, { species: "CASE WHEN id < 9 THEN 'Macaroni' ELSE 'Adelie' END" })
    await expect(place.train(learner, { modelFile: given, trainSql })).rejects.toMatchObject({
      code: 'MODEL_INVALID',
      message: expect.stringContaining('it knows no class that some rows are of'),
      facts: { inFull: expect.stringContaining('it knows no class "Macaroni"') },
    })
  })

  it('leaves nothing to tell apart where it is the only one', async () => {
    const trainSql = penguinsSql(300, { species: "'Adelie'" })
    await expect(place.train({ kind: 'linear', l2: 1 }, { trainSql })).rejects.toMatchObject({ code: 'SINGLE_CLASS' })
  })

  it('is no class where there are too many to be classes', async () => {
    const trainSql = penguinsSql(600, { species: "'bird ' || id" })
    await expect(place.train({ kind: 'linear', l2: 1 }, { trainSql })).rejects.toMatchObject({
      code: 'TARGET_INVALID',
      message: expect.stringContaining('more than 256 classes'),
    })
  })
})

describe('the never-worse gate', () => {
  it('compares by the Brier score of all classes', async () => {
    const { model } = await taken
    writeFileSync(join(place.folder, 'worse.onnx'), penguinModel(-1))
    const worse = await place.train(learner, { modelFile: join(place.folder, 'worse.onnx') })
    const test = await place.table(penguinsSql(3_000, { from: 9_000 }))
    const step = { task: 'multiclass', target: { column: 'species' }, margin: 0.02 } as never
    const judge = (candidate: LocalModel) =>
      judgeNeverWorse(
        {
          step,
          alpha: 0.05,
          candidate,
          champion: model,
          lastApproved: undefined,
          tables: { labelled: undefined, test, championTest: undefined },
          target: undefined,
        },
        nothing,
      )
    expect(await judge(model)).toMatchObject([{ passed: true, metric: 'brier', value: 0 }])
    expect(await judge(worse.model)).toMatchObject([{ passed: false }])
  })
})

describe('columns of a batch', () => {
  it('are the class and a probability each, of names that differ by more than their case', () => {
    expect(answerColumnNames({})).toEqual(['prediction'])
    expect(answerColumnNames({ outputs: ['A', 'a', 'b', 'a_2'] })).toEqual([
      'label',
      'probability_A',
      'probability_a_2',
      'probability_b',
      'probability_a_2_2',
    ])
  })

  it('are refused where the input has one of them', async () => {
    const { model } = await taken
    const table = await place.table(`SELECT *, 'x' AS "Label" FROM (${penguinsSql(50)})`)
    const columns = [...penguinSchema, { name: 'Label', type: 'string' as const, nullable: false }]
    const source = {
      table: { ...table, schema: columns },
      from: 'in',
      expected: undefined,
      keep: ['Label'],
      duplicates: undefined,
    }
    const policy = { keep: ['Label'], write: 'parquet' as const, partitionBy: [], onBadRow: 'fail' as const }
    await expect(
      scoreShard({ model, source: source as never, policy, folder: newFolder() }, nothing),
    ).rejects.toMatchObject({ code: 'COLUMN_TYPE', message: expect.stringContaining('a column "label"') })
  })
})
