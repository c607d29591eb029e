import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { rowSchemaOf } from '../../lib/definition/contract/from-zod.ts'
import { madeUpRows, type Row } from '../../lib/edge/made-up-rows.ts'
import { millisecondsOf } from '../../lib/edge/runtime/watch.ts'
import { readRecords } from '../../lib/models/names.ts'
import { rowReader } from '../../lib/models/rows.ts'

const take = (rows: Generator<Row>, count: number): Row[] =>
  Array.from({ length: count }, () => rows.next().value as Row)

describe('rows that are made up from a contract', () => {
  const schema = rowSchemaOf(
    z.object({
      share: z.number().min(0).max(1),
      above: z.number().gt(5),
      below: z.number().lt(-5000).nullable(),
      price: z.number().min(0).max(10).multipleOf(0.01),
      count: z.int().positive().max(6),
      any: z.int(),
      id: z.int64().nullable(),
      kind: z.enum(['a', 'b']).nullable(),
      level: z.literal([1, 2, 3]),
      isNew: z.boolean(),
      at: z.date(),
      since: z.date().min(new Date('2024-01-01')).max(new Date('2024-02-01')),
      town: z.string(),
    }),
  )

  it('keep it, whatever it limits, and fill and leave out what may be missing', () => {
    const rows = take(madeUpRows(schema, ['Ulm', 'Kiel']), 2_000)
    expect(readRecords(rowReader(schema), rows, 'rows').rows).toBe(2_000)
    for (const { name, nullable } of schema) {
      const values = rows.map((row) => row[name])
      expect(new Set(values).size, name).toBeGreaterThan(1)
      expect(values.includes(null), name).toBe(nullable)
    }
  })

  it('are the same every time, and others with another seed', () => {
    const [one, same, other] = [1, 1, 2].map((seed) => take(madeUpRows(schema, ['Ulm'], seed), 20))
    expect(same).toEqual(one)
    expect(other).not.toEqual(one)
  })
})

describe('how often a channel is looked at', () => {
  it.each([
    [60_000, 60_000],
    ['1s', 1_000],
    ['1.5m', 90_000],
    ['2h', 7_200_000],
    ['7d', 604_800_000],
  ])('%s', (every, ms) => {
    expect(millisecondsOf(every)).toBe(ms)
  })

  it.each([999, 0, -5, Number.NaN, '10', '0.5s', '1w', '40d', ''])('is not %s', (every) => {
    expect(() => millisecondsOf(every)).toThrow(/no time of a second to 20 days/)
  })
})
