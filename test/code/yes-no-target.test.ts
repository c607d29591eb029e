import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { runTarget } from '../../lib/code/run-target.ts'
import { binary, pipeline, trees } from '../../lib/definition/index.ts'
import type { CodeRef, Plan } from '../../lib/formats/plan.ts'

const code: CodeRef = { name: 'f', file: 'f.ts', digest: `sha256:${'c'.repeat(64)}`, host: {} }

describe('a yes/no target without a function', () => {
  const labels = (column: Float64Array | Uint8Array, firstRow = 1): number[] => [
    ...runTarget(undefined, 'binary', 'late', column, firstRow),
  ]

  it('takes 0 and 1 as they are, and truth values', () => {
    expect(labels(Float64Array.of(0, 1, 1))).toEqual([0, 1, 1])
    expect(labels(Uint8Array.of(1, 0))).toEqual([1, 0])
  })

  it.each([2, -1, 0.5, Number.NaN])('refuses %s, naming the row', (value) => {
    const plain = Number.isNaN(value) ? 'NaN' : 'a number'
    expect(() => labels(Float64Array.of(0, 1, value), 1_001)).toThrow(`the label of row 1003 is ${plain}`)
    try {
      labels(Float64Array.of(value))
    } catch (error) {
      expect(error).toMatchObject({
        code: 'TARGET_INVALID',
        facts: {
          next: expect.stringMatching(/0 and 1, or truth/),
          inFull: expect.stringContaining(`the label of row 1 is ${value}`),
        },
      })
    }
  })

  const Row = z.object({ x: z.number(), late: z.boolean(), word: z.string(), day: z.date() })
  const planOf = (target: unknown): Plan =>
    pipeline('sample', (p) => {
      const rows = p.snapshot('rows', { from: 'rows.csv', schema: Row })
      const on = p.split(rows, { random: { validation: 0.2, test: 0.2 }, seed: 1 })
      const features = ({ x }: { x: Float64Array }) => ({ x })
      p.train('model', { on, features: features as never, target: target as never, learner: trees(), seed: 1 })
    }).compile(() => code)

  it('is in the plan as its column alone, and is no feature', () => {
    expect(planOf(binary('late')).steps.at(-1)).toMatchObject({ target: { column: 'late' }, task: 'binary' })
    expect(planOf(binary('late')).steps.at(-1)).not.toHaveProperty('target.code')
  })

  it.each([
    ['word', 'string'],
    ['day', 'timestamp'],
  ])('is refused for %s when the plan is made, should the compiler not have been asked', (column, type) => {
    expect(() => planOf(binary(column))).toThrow(`the target of "model" is a ${type} column: "${column}"`)
  })

  it('and shares that leave nothing to train on are refused', () => {
    const all = pipeline('sample', (p) => {
      const rows = p.snapshot('rows', { from: 'rows.csv', schema: Row })
      p.split(rows, { random: { validation: 0.5, test: 0.5 } })
    })
    expect(() => all.compile(() => code)).toThrow('shares of 0.5 and 0.5 leave no rows to train on')
  })
})
