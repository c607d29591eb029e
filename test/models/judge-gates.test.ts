import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { auc, latency, size } from '../../lib/definition/index.ts'
import type { Check } from '../../lib/formats/check.ts'
import type { Evaluation } from '../../lib/formats/evaluation.ts'
import type { StepOf } from '../../lib/formats/plan.ts'
import { stepMaterial } from '../../lib/formats/step-key.ts'
import { judgeGates, type LocalEvaluation } from '../../lib/jobs/judge.ts'
import { firstRows, measureLatency } from '../../lib/jobs/measure-latency.ts'
import { loadModel } from '../../lib/models/model.ts'
import { makeLocalModel } from '../support/local-model.ts'

let made: Awaited<ReturnType<typeof makeLocalModel>>
let evaluation: LocalEvaluation
const folder = mkdtempSync(join(tmpdir(), 'slipway-gates-'))
beforeAll(async () => {
  made = await makeLocalModel('binary')
  const file = (name: string, content: string | Uint8Array): string => {
    writeFileSync(join(folder, name), content)
    return join(folder, name)
  }
  const labels = Float64Array.from({ length: 400 }, (_, i) => i % 2)
  const report: Evaluation = { rows: 400, task: 'binary', metrics: {}, reliability: [], importance: [], slices: {} }
  evaluation = {
    report: file('evaluation.json', JSON.stringify(report)),
    predictions: file('predictions.f32', new Uint8Array(Float32Array.from(labels, (label) => 0.4 + label / 5).buffer)),
    labels: file('labels.f64', new Uint8Array(labels.buffer)),
    slices: {},
  }
})
afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
  if (made !== undefined) rmSync(made.folder, { recursive: true, force: true })
})

type Gates = readonly { readonly check: Check }[]
const stepWith = (...gates: Gates): StepOf<'gate'> => ({
  id: 'gate',
  kind: 'gate',
  package: 'package',
  evaluation: 'evaluate',
  model: 'small',
  must: gates.map(({ check }) => check),
  seed: 0,
})
const judged = (...gates: Gates) =>
  judgeGates(
    { step: stepWith(...gates), candidate: evaluation, baseline: undefined, code: [], backtests: {}, ...made },
    () => {},
  )

/** No machine is as quiet as this asks for, ms. */
const impossible = 1e-9

describe('gates of a package', () => {
  it('tell of latency how many blocks counted, and what a no-op took beside it', async () => {
    const [quick] = await judged(latency.p99.atMost(60_000))
    expect(quick).toMatchObject({ passed: true, limit: 60_000 })
    expect(quick?.evidence).toMatch(
      /^[\d.e-]+ ≤ 60000: the best of 1 block that counts of 1 measured, a no-op beside it [\d.e-]+ ms \(p99\)$/,
    )
  })

  it('are undecided, neither passed nor failed, where the machine is too busy to measure', async () => {
    await expect(judged(auc.atLeast(0.9), latency.p99.atMost(impossible))).rejects.toMatchObject({
      code: 'LATENCY_UNDECIDED',
      exitCode: 15,
      retryable: false,
      message: expect.stringMatching(/^latencyP99Ms ≤ 1e-9: not decided: in none of 5 blocks/),
      facts: { next: expect.stringContaining('run it again') },
    })
  })

  it('fail where another gate fails, busy or not, and do not speak of what is not known', async () => {
    const outcomes = await judged(size.atMost(1), latency.p99.atMost(impossible), auc.atLeast(0.9))
    expect(outcomes.map(({ name, passed }) => [name, passed])).toEqual([
      ['sizeBytes ≤ 1', false],
      ['auc ≥ 0.9', true],
    ])
  })

  it('measure block by block, each limit as far as it needs', async () => {
    const model = await loadModel(made.model)
    const rows = await firstRows(model, made.table)
    const blocksFor = async (...limits: number[]): Promise<number> =>
      (await measureLatency(model, rows, limits, () => {})).length
    expect(await blocksFor(60_000)).toBe(1)
    expect(await blocksFor(60_000, impossible)).toBe(5)
    await model.release()
  })
})

it('what was decided by one block before does not answer for five, and other gates keep their answers', () => {
  const versionOf = (...gates: Gates): number => stepMaterial(stepWith(...gates), {}, {}).version
  expect([versionOf(auc.atLeast(0.6)), versionOf(auc.atLeast(0.6), latency.p99.atMost(5))]).toEqual([2, 3])
})
