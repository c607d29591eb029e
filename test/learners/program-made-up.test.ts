import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, it, onTestFinished } from 'vitest'
import { requireMadeUpParity } from '../../lib/jobs/parity.ts'
import type { LearnerRows, ModelInput } from '../../lib/learners/learner.ts'
import { makeUpRows } from '../../lib/learners/program/made-up.ts'
import { readPredictions } from '../../lib/learners/program/results.ts'

/*
 * Rows that are made up for a program to predict: what the training rows hold, otherwise combined, with zeros, with
 * texts that are missing, and with missing numbers where some were missing before.
 */
const inputs: readonly ModelInput[] = [
  { name: 'full', kind: 'number' },
  { name: 'gaps', kind: 'number' },
  { name: 'town', kind: 'category', categories: ['Bonn', 'Kiel', 'Ulm'] },
]
const value = fc.float({ noNaN: true, noDefaultInfinity: true })
const tables = fc
  .array(fc.tuple(value, fc.option(value, { nil: Number.NaN }), fc.constantFrom(0, 1, 2, Number.NaN)), {
    minLength: 1,
    maxLength: 40,
  })
  .map(
    (rows): LearnerRows => ({
      features: [0, 1, 2].map((column) => Float32Array.from(rows, (row) => row[column] as number)),
      labels: new Float64Array(rows.length),
    }),
  )

it('hold nothing but values of training rows, zeros of numbers, and what may be missing', () => {
  fc.assert(
    fc.property(tables, fc.nat(), (train, seed) => {
      const made = makeUpRows(inputs, train, seed)
      expect(makeUpRows(inputs, train, seed)).toEqual(made)
      for (const [i, { kind }] of inputs.entries()) {
        const known = new Set(train.features[i])
        const allowed = new Set(known)
        allowed.add(kind === 'number' ? 0 : Number.NaN)
        expect([...(made[i] as Float32Array)].every((value) => allowed.has(value))).toBe(true)
      }
    }),
  )
})

it('have zeros in every number, and values missing in every one that lacks some, each with the others as they were', () => {
  const rows = Array.from({ length: 500 }, (_, row) => row + 1)
  const train = {
    features: [
      Float32Array.from(rows),
      Float32Array.from(rows, (row) => (row === 7 ? Number.NaN : row)),
      Float32Array.from(rows, (row) => row % 3),
    ],
    labels: new Float64Array(500),
  }
  const [full, gaps, town] = makeUpRows(inputs, train, 1) as [Float32Array, Float32Array, Float32Array]
  const count = (is: (row: number) => boolean) => Array.from(full.keys()).filter(is).length
  expect(full.some(Number.isNaN)).toBe(false)
  expect(count((row) => full[row] === 0)).toBeGreaterThan(100)
  expect(count((row) => gaps[row] === 0)).toBeGreaterThan(50)
  expect(count((row) => Number.isNaN(gaps[row]))).toBeGreaterThan(50)
  expect(count((row) => Number.isNaN(town[row]))).toBeGreaterThan(100)
  expect(count((row) => full[row] === 0 && gaps[row] !== 0 && !Number.isNaN(town[row]))).toBeGreaterThan(20)
  expect(count((row) => full[row] === 0 && gaps[row] === 0)).toBeGreaterThan(10)
  // Rows as they are, and values from several.
  expect(count((row) => full[row] === gaps[row])).toBeGreaterThan(100)
  expect(count((row) => full[row] !== 0 && gaps[row] !== 0 && full[row] !== gaps[row])).toBeGreaterThan(100)
})

it('refuse a model that is too far from its program there, or answers no number where it does', () => {
  const judged = (largest: number | null) => () => requireMadeUpParity({ rows: 1_020, largest }, 1e-5)
  expect(judged(1e-5)).not.toThrow()
  expect(() => requireMadeUpParity(undefined, 1e-5)).not.toThrow()
  for (const largest of [1.1e-5, null])
    expect(judged(largest)).toThrow(
      expect.objectContaining({ code: 'PARITY', message: expect.stringContaining('on 1020 made-up rows') }),
    )
})

it('are predicted by a number a class where there are several; a row with none of them counts for nothing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-parity-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const read = (text: string, file: 'parity.csv' | 'predictions.csv' = 'parity.csv') => {
    writeFileSync(join(folder, file), text)
    return readPredictions(folder, { file, rows: 2, classes: 3 })
  }
  const [a, b, c] = [0.2, 0.3, 0.5]
  const nothing = Number.NaN
  expect(await read('0.2,0.3,0.5\n0.1,nan,0.9\n')).toEqual(Float64Array.of(a, b, c, nothing, nothing, nothing))
  await expect(read('0.2,0.3,0.5\n0.1,0.9\n')).rejects.toThrow('parity.csv says "0.1,0.9" of row 2')
  await expect(read('0.2,0.3,0.5\n0.1,nan,0.9\n', 'predictions.csv')).rejects.toThrow('says "0.1,nan,0.9" of row 2')
})
