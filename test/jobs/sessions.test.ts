import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { InferenceSession } from 'onnxruntime-node'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { text, withDuckDb } from '../../lib/data/duckdb.ts'
import type { LocalTable } from '../../lib/data/table.ts'
import { latency } from '../../lib/definition/index.ts'
import { monitorPolicyOf, psi } from '../../lib/definition/monitor.ts'
import { scoreShard } from '../../lib/jobs/batch/score-shard.ts'
import { falseAlarms } from '../../lib/jobs/calibrate.ts'
import { evaluateModel } from '../../lib/jobs/evaluate.ts'
import { judgeGates } from '../../lib/jobs/judge.ts'
import { measureEngines } from '../../lib/jobs/measure-engines.ts'
import { judgeNeverWorse } from '../../lib/jobs/never-worse.ts'
import { checkParity } from '../../lib/jobs/parity.ts'
import { compareRows } from '../../lib/jobs/prove-rows.ts'
import { countRows, scoreRows } from '../../lib/jobs/score-rows.ts'
import { compileTrees } from '../../lib/models/compile-trees.ts'
import { type LocalModel, modelFiles } from '../../lib/models/model.ts'
import type { Profile } from '../../lib/stats/profile.ts'
import { profileNumbers } from '../../lib/stats/profile.ts'
import { digestOf } from '../../lib/store/digest.ts'
import { makeLocalModel } from '../support/local-model.ts'

let made: Awaited<ReturnType<typeof makeLocalModel>>
/** The same rows with labels. */
let labelled: LocalTable
/** The same model, whose feature code throws after the first row. */
let broken: LocalModel
beforeAll(async () => {
  made = await makeLocalModel('binary')
  const file = join(made.folder, 'labelled.parquet')
  await withDuckDb(1, (connection) =>
    connection.run(
      `COPY (SELECT *, (row_number() OVER () % 3 = 0)::DOUBLE AS label, (row_number() OVER ())::DOUBLE AS time FROM read_parquet(${text(made.table.files[0] as string)})) TO ${text(file)} (FORMAT parquet)`,
    ),
  )
  const more = ['label', 'time'].map((name) => ({ name, type: 'number', nullable: false }) as const)
  labelled = { ...made.table, files: [file], schema: [...made.table.schema, ...more] }
  const code = 'module.exports.default = () => { throw new Error("no features today") }'
  const codeFile = join(made.folder, 'broken.js')
  writeFileSync(codeFile, code)
  const facts = { ...made.model.facts, featureCode: { name: 'features', digest: digestOf(code), host: {} } }
  broken = { ...made.model, facts, codeFile }
})
afterAll(() => rmSync(made.folder, { recursive: true, force: true }))

let opened = 0
let released = 0
/** How many sessions open before one does not. */
let room = Number.POSITIVE_INFINITY
beforeEach(() => {
  ;[opened, released, room] = [0, 0, Number.POSITIVE_INFINITY]
  const create = InferenceSession.create.bind(InferenceSession) as (...all: unknown[]) => Promise<InferenceSession>
  vi.spyOn(InferenceSession, 'create').mockImplementation(async (...all: unknown[]) => {
    if (opened >= room) throw new Error('no room')
    const session = await create(...all)
    opened++
    const release = session.release.bind(session)
    session.release = () => {
      released++
      return release()
    }
    return session
  })
})
afterEach(() => vi.restoreAllMocks())

const nothing = (): void => {}
const baseline = (): Profile => ({ x: profileNumbers(Float64Array.from({ length: 400 }, (_, i) => i / 400)) })
const target = { column: 'label' } as never

const evaluation = (model: LocalModel) =>
  evaluateModel(
    {
      step: { id: 'evaluate', kind: 'evaluate', task: 'binary', target, slices: ['town'] } as never,
      model,
      table: labelled,
      gains: {},
      target: undefined,
      folder: made.folder,
    },
    nothing,
  )
const neverWorse = (candidate: LocalModel) =>
  judgeNeverWorse(
    {
      step: { task: 'binary', target, margin: 0.005 } as never,
      alpha: 0.05,
      candidate,
      champion: made.model,
      lastApproved: made.model,
      tables: { labelled: undefined, test: labelled, championTest: labelled },
      target: undefined,
    },
    nothing,
  )
const gates = async (model: LocalModel) => {
  await evaluation(made.model)
  ;[opened, released] = [0, 0]
  const file = (name: string): string => join(made.folder, name)
  const candidate = {
    report: file('evaluation.json'),
    predictions: file('predictions.f32'),
    labels: file('labels.f64'),
    slices: {},
  }
  const { check } = latency.p99.atMost(60_000)
  const step = { id: 'gate', kind: 'gate', must: [check], seed: 0 } as never
  return judgeGates({ step, candidate, baseline: undefined, model, table: labelled, code: [], backtests: {} }, nothing)
}
const parity = async (model: LocalModel) => {
  const predictions = join(made.folder, 'trainers.f32')
  writeFileSync(predictions, await scoreRows(made.model, made.table))
  ;[opened, released] = [0, 0]
  return checkParity({ model, table: made.table, predictions, limit: 1e-6 })
}
const proof = async (model: LocalModel) => {
  const folder = join(made.folder, 'compiled')
  mkdirSync(folder, { recursive: true })
  const compiled = await compileTrees({ onnxFile: made.model.onnxFile, folder })
  if (compiled.status === 'refused') throw new Error(compiled.reason)
  return compareRows(model, made.table, compiled, nothing, nothing)
}
const calibration = (model: LocalModel) =>
  falseAlarms({
    model,
    baseline: baseline(),
    importances: { x: 1 },
    policy: monitorPolicyOf({ every: '1d', drift: psi.over(0.2) }),
    code: [],
    table: labelled,
    time: 'time',
    rows: 200,
    spanMs: 500,
    runs: 3,
    scratch: join(made.folder, 'sorted.parquet'),
  })

const jobs: Readonly<Record<string, readonly [sessions: number, (model: LocalModel) => Promise<unknown>]>> = {
  'an evaluation': [1, evaluation],
  'gates that measure latency': [1, gates],
  'a comparison with the champion and the last approved version': [3, neverWorse],
  'parity with the trainer': [1, parity],
  'the proof of a compiled model on rows': [2, proof],
  'scores of a table': [1, (model) => scoreRows(model, made.table)],
  'counts of a table': [1, (model) => countRows(model, baseline(), made.table)],
  'a calibration of drift rules': [1, calibration],
}

describe.each(Object.entries(jobs))('%s', (_, [sessions, job]) => {
  it('releases as many sessions as it opens', async () => {
    await job(made.model)
    expect([opened, released]).toEqual([sessions, sessions])
  })

  it('releases them where the feature code throws, too', async () => {
    await expect(job(broken)).rejects.toMatchObject({ code: 'FEATURES_FAILED' })
    expect([opened, released]).toEqual([sessions, sessions])
  })
})

it('engines that are measured are released', async () => {
  await measureEngines(made.model)
  expect([opened, released]).toEqual([2, 2])
})

it('a model that does not load opens no session, and those loaded before are released', async () => {
  const other = { ...made.model, codeFile: join(made.folder, 'other.js') }
  writeFileSync(other.codeFile, 'module.exports.default = () => ({})')
  await expect(neverWorse(other)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
  expect([opened, released]).toEqual([0, 0])
  const step = { task: 'binary', target, margin: 0.005 } as never
  const tables = { labelled: undefined, test: labelled, championTest: undefined }
  const order = { step, alpha: 0.05, candidate: made.model, champion: other, lastApproved: undefined, tables }
  await expect(judgeNeverWorse({ ...order, target: undefined }, nothing)).rejects.toMatchObject({
    code: 'DIGEST_MISMATCH',
  })
  expect([opened, released]).toEqual([1, 1])
})

it('a session without the transform that does not open leaves none behind', async () => {
  room = 1
  expect(await proof(made.model)).toEqual({ refused: 'ONNX Runtime cannot run the model: no room' })
  expect([opened, released]).toEqual([1, 1])
})

it('shards share the sessions of their thread, which keeps two at most, also where a shard fails', async () => {
  const shard = (model: LocalModel) =>
    scoreShard(
      {
        model,
        source: { table: made.table, from: 'rows.parquet', expected: 3_000, keep: [], duplicates: undefined },
        policy: { keep: null, write: 'parquet', partitionBy: [], onBadRow: 'quarantine' },
        folder: made.folder,
      },
      nothing,
    )
  const copies = [1, 2, 3].map((number) => {
    const onnxFile = join(made.folder, `${number}-${modelFiles.onnx}`)
    copyFileSync(made.model.onnxFile, onnxFile)
    expect(readFileSync(onnxFile).length).toBeGreaterThan(0)
    return { ...made.model, onnxFile }
  })
  const [first, second, third] = copies as [LocalModel, LocalModel, LocalModel]
  await shard(first)
  await shard(first)
  expect([opened, released]).toEqual([1, 0])
  await expect(shard({ ...broken, onnxFile: second.onnxFile })).rejects.toMatchObject({ code: 'FEATURES_FAILED' })
  await shard(third)
  expect([opened, released]).toEqual([3, 1])
})
