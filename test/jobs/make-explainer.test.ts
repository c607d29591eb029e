import { readFile, rm } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { explainOptionsOf } from '../../lib/definition/explain.ts'
import { rowCount } from '../../lib/formats/columns.ts'
import type { Explanations } from '../../lib/formats/explain.ts'
import { makeExplainer } from '../../lib/jobs/make-explainer.ts'
import { explainerOf } from '../../lib/models/explainer.ts'
import { type LocalModel, loadModel } from '../../lib/models/model.ts'
import { makeLocalModel } from '../support/local-model.ts'

type Made = Awaited<ReturnType<typeof makeLocalModel>>

/** Rows with missing values and a town that training has not seen. */
const rows = {
  x: Float32Array.of(0.1, 0.9, 0.5, 0.31),
  y: Float32Array.of(1, Number.NaN, 12, 3),
  town: ['Ulm', 'Kiel', null, 'Paris'],
}

async function explained(model: LocalModel, table: Made['table'], explain: Parameters<typeof explainOptionsOf>[0]) {
  const { file, facts } = await makeExplainer({ model, table, options: explainOptionsOf(explain) }, () => {})
  const loaded = await loadModel(model)
  const explanations = await explainerOf(file, await readFile(model.onnxFile), loaded).explain(rows)
  const answers = await loaded.scoreFeatures(rows)
  await loaded.release()
  return { explanations, answers, file, facts }
}

/** The largest difference between a score and what base and parts add up to. */
function gap({ rows: count, columns, base, scores, parts }: Explanations): number {
  const gaps = Array.from({ length: count }, (_, row) => {
    const own = parts.subarray(row * columns.length, (row + 1) * columns.length)
    return Math.abs(own.reduce((sum, part) => sum + part, base[0] as number) - (scores[row] as number))
  })
  return Math.max(...gaps)
}
const logistic = (value: number): number => 1 / (1 + Math.exp(-value))

describe.each(['ordered', 'sets'] as const)('a model of trees with categories as %s', (categories) => {
  let made: Made
  beforeAll(async () => {
    made = await makeLocalModel('binary', categories)
  })
  afterAll(() => rm(made.folder, { recursive: true }))

  it('is explained in log odds by the training rows that passed its nodes', async () => {
    const { explanations, answers, file, facts } = await explained(made.model, made.table, true)
    expect(facts).toEqual({ method: 'path-dependent', of: 'log odds' })
    expect(explanations.columns).toEqual(['x', 'y', 'town'])
    if (file.method !== 'path-dependent') throw new Error(file.method)
    expect(file.covers[0]).toBe(3_000)
    expect(gap(explanations)).toBeLessThan(1e-12)
    explanations.scores.forEach((score, row) => {
      expect(Math.abs(logistic(score) - (answers[row] as number))).toBeLessThan(1e-6)
    })
  })

  it('is explained against background rows, and by sampling to the same where all sets are asked', async () => {
    const exact = await explained(made.model, made.table, { method: 'interventional', background: 40 })
    expect(exact.facts).toEqual({ method: 'interventional', of: 'log odds' })
    expect(gap(exact.explanations)).toBeLessThan(1e-12)
    const kernel = await explained(made.model, made.table, { method: 'kernel', background: 40 })
    expect(kernel.facts).toEqual({ method: 'kernel', of: 'probability' })
    expect(gap(kernel.explanations)).toBeLessThan(1e-7)
    expect(Math.max(...(kernel.explanations.errors as Float64Array))).toBe(0)
  })
})

describe('a regression', () => {
  it('is explained in its own unit: both methods against background rows say the same', async () => {
    const { model, table, folder } = await makeLocalModel('regression')
    const exact = await explained(model, table, { method: 'interventional', background: 25 })
    const kernel = await explained(model, table, { method: 'kernel', background: 25 })
    expect([exact.facts.of, kernel.facts.of]).toEqual(['prediction', 'prediction'])
    for (const [i, part] of exact.explanations.parts.entries())
      expect(Math.abs(part - (kernel.explanations.parts[i] as number))).toBeLessThan(1e-5)
    expect(exact.explanations.rows).toBe(rowCount(rows))
    await rm(folder, { recursive: true })
  })
})

describe('options', () => {
  it.each([
    [{ method: 'shapley' }, /explain\.method/],
    [{ background: 0 }, /explain\.background/],
    [{ samples: 3 }, /explain\.samples/],
  ])('that make no sense are refused: %j', (options, message) => {
    expect(() => explainOptionsOf(options as never)).toThrow(message)
  })
})
