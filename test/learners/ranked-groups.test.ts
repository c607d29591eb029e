import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { readFeedback } from '../../gateway/feedback.ts'
import { groupsOf, runTarget } from '../../lib/code/run-target.ts'
import { trees } from '../../lib/definition/learners.ts'
import { groupSampler } from '../../lib/jobs/permute.ts'
import { writeChannel } from '../../lib/learners/program/channels.ts'
import { requireNumber } from '../../lib/learners/trees/options.ts'
import { requireOrder, requireWholeGroups } from '../../lib/learners/whole-groups.ts'

const folder = mkdtempSync(join(tmpdir(), 'slipway-ranked-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('groups of a ranking', () => {
  it('are each in one part, or the first torn one is named and all are counted', () => {
    const parts = [
      { part: 'train', groups: ['a', 'b', 'c'] },
      { part: 'validation', groups: ['c', 'd'] },
      { part: 'test', groups: ['a', 'e'] },
    ]
    expect(() => requireWholeGroups('query', parts.slice(0, 1))).not.toThrow()
    expect(() => requireWholeGroups('query', parts)).toThrow(
      expect.objectContaining({
        code: 'GROUP_TORN',
        message: expect.stringContaining('one is in train and validation, and so are 2 of 5 groups in two parts'),
        facts: expect.objectContaining({
          inFull: expect.stringContaining('"c" is in train and validation'),
          next: expect.stringContaining("byHashOf: 'query'"),
        }),
      }),
    )
  })

  it('have an order to learn somewhere', () => {
    const rows = (labels: number[], numbers: number[]) => ({
      features: [],
      labels: Float64Array.from(labels),
      groups: { numbers: Uint32Array.from(numbers), names: ['a', 'b'] },
    })
    // The labels differ, but not within a group.
    expect(() => requireOrder(rows([1, 1, 0, 0], [0, 0, 1, 1]), 'relevance')).toThrow('there is no order to learn')
    expect(() => requireOrder(rows([1, 0, 0, 0], [0, 0, 1, 1]), 'relevance')).not.toThrow()
  })

  it('are named by texts or numbers, in every row', () => {
    expect(groupsOf('query', ['a', 'b'])).toEqual(['a', 'b'])
    expect(groupsOf('query', Float64Array.of(7, 7))).toEqual([7, 7])
    for (const missing of [['a', null], Float64Array.of(1, Number.NaN)])
      expect(() => groupsOf('query', missing, 11)).toThrow('row 12 has no group: its "query" is missing')
  })

  it('are sampled whole, wherever their rows stand', () => {
    const rows = 60_000
    const groups = Uint32Array.from({ length: rows }, (_, row) => (row * 31) % 600)
    const labels = Float64Array.from(groups, (group) => group)
    const sample = groupSampler(rows, 3)
    const [x, t] = [Float32Array.from(groups), Array.from(groups, String)]
    for (let at = 0; at < rows; at += 2_048)
      sample.take({ x: x.slice(at, at + 2_048), t: t.slice(at, at + 2_048) }, labels, at, groups)
    const { features, groups: taken = new Uint32Array() } = sample
    expect(taken.length).toBeLessThanOrEqual(20_000)
    const counts = new Map<number, number>()
    for (const group of taken) counts.set(group, (counts.get(group) ?? 0) + 1)
    expect(new Set(counts.values())).toEqual(new Set([100]))
    expect(features.x).toEqual(Float32Array.from(taken))
    expect(features.t).toEqual(Array.from(taken, String))
  })
})

describe('what a row of a ranking is worth', () => {
  it.each([[-1], [0.5], [31], [Number.NaN]])('is no %f', (label) => {
    expect(() => runTarget(undefined, 'ranking', 'relevance', Float64Array.of(0, label))).toThrow(
      expect.objectContaining({ code: 'TARGET_INVALID', message: expect.stringContaining('the label of row 2 is') }),
    )
  })

  it('is a whole number from 0 to 30, by a function too, and so are labels that gateways are told', () => {
    expect([...runTarget(undefined, 'ranking', 'relevance', Float64Array.of(0, 30))]).toEqual([0, 30])
    const graded = (clicks: Float64Array) => clicks.map((count) => Math.min(4, count))
    expect([...runTarget(graded as never, 'ranking', 'clicks', Float64Array.of(9, 1))]).toEqual([4, 1])
    const told = (label: unknown) =>
      readFeedback(
        Buffer.from(JSON.stringify({ requestId: 'r', row: 3, label })),
        () => ({ endpoint: 'items', task: 'ranking' }) as never,
        Date.now(),
      )
    expect(told(3).get('items')).toMatchObject([{ request: 'r', row: 3, label: 3 }])
    for (const wrong of [0.5, 31, -1, 'good'])
      expect(() => told(wrong)).toThrow('how much the row was worth, a whole number from 0 to 30')
  })
})

describe('learners of a ranking', () => {
  it('that are programs get the number of each row’s group', async () => {
    const file = join(folder, 'train.csv')
    const inputs = [{ name: 'fit', kind: 'number' as const }]
    const rows = {
      features: [Float32Array.of(0.5, 0.25)],
      labels: Float64Array.of(2, 0),
      groups: Uint32Array.of(0, 7),
    }
    await writeChannel(inputs, rows, 'csv', file)
    expect(readFileSync(file, 'utf8').trim().split('\n')).toEqual(['fit,label,group', '0.5,2,0', '0.25,0,7'])
    const taken = [{ name: 'group', kind: 'number' as const }]
    await expect(writeChannel(taken, rows, 'csv', file)).rejects.toMatchObject({ code: 'FEATURES_TYPE' })
  })

  it('count pairs of first ranks in a ranking only', () => {
    const order = (task: string) => ({ task, inputs: [], parameters: trees({ truncation: 5 }) }) as never
    expect(() => requireNumber(order('ranking'))).not.toThrow()
    expect(() => requireNumber(order('regression'))).toThrow("truncation is of a ranking's pairs")
  })
})
