import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { batchPolicyOf } from '../../lib/definition/batch.ts'
import type { Duration } from '../../lib/definition/duration.ts'
import { pipeline } from '../../lib/definition/index.ts'
import { planAsOf } from '../../lib/definition/plan-as-of.ts'
import { Plan, type StepOf } from '../../lib/formats/plan.ts'
import { delimiterOf, formatOf } from '../../lib/formats/table-format.ts'
import { daysOf, windowOf } from '../../lib/sources/by-day.ts'

const planOf = (from: string, last?: Duration): Plan =>
  pipeline('rows', (p) => {
    p.snapshot('rows', { from, schema: z.object({ x: z.number() }), ...(last === undefined ? {} : { last }) })
  }).compile(() => {
    throw new Error('there is no code')
  })
const snapshotOf = ({ steps }: Plan) => steps[0] as StepOf<'snapshot'>
const noon = Date.parse('2024-03-01T12:00:00Z')

describe('the days a source is read for', () => {
  it('are in the plan, and end with the day of the run', () => {
    const step = snapshotOf(planOf('data/{date}/*.csv', '3d'))
    expect(step.last).toEqual({ days: 3, until: null })
    expect(windowOf(step, noon)).toEqual({ first: '2024-02-28', last: '2024-03-01' })
    expect(daysOf({ first: '2024-02-28', last: '2024-03-01' })).toEqual(['2024-02-28', '2024-02-29', '2024-03-01'])
    expect(daysOf({ first: '2024-03-01', last: '2024-03-01' })).toEqual(['2024-03-01'])
  })

  it('end with the day that the plan is as of, by UTC', () => {
    const step = snapshotOf(Plan.parse(planAsOf(planOf('data/{date}/*.csv', '48h'), '2024-01-01T23:30:00.000Z')))
    expect(step.last).toEqual({ days: 2, until: '2024-01-01' })
    expect(windowOf(step, noon)).toEqual({ first: '2023-12-31', last: '2024-01-01' })
  })

  it('are none where the source is not read by days, and the plan says nothing of them', () => {
    const plan = planOf('data/*.csv')
    expect(Object.keys(snapshotOf(plan))).not.toContain('last')
    expect(planAsOf(plan, '2024-01-01T00:00:00.000Z')).toEqual(plan)
    expect(windowOf(snapshotOf(plan), noon)).toBeUndefined()
  })

  it.each([
    ['data/*.csv', '90d', 'no {date}'],
    ['data/{date}.csv', undefined, 'which days'],
    ['data/{date}.csv', '36h', 'no whole days'],
    ['data/{date}.csv', '0d', 'no whole days'],
  ] as const)('are refused of %s with last %s', (from, last, why) => {
    expect(() => planOf(from, last)).toThrow(
      expect.objectContaining({ code: 'DEFINITION_INVALID', message: expect.stringContaining(why) }),
    )
  })
})

it('an address with a secret is refused before it is in a plan, and the secret is not repeated', () => {
  for (const from of ['https://me:hunter2@host/x.csv', 'https://host/x.csv?X-Amz-Signature=hunter2']) {
    expect(() => planOf(from)).toThrow(expect.objectContaining({ code: 'DEFINITION_INVALID' }))
    expect(() => planOf(from)).not.toThrow('hunter2')
    expect(() => batchPolicyOf('nightly', { from, to: null })).toThrow('holds a secret')
  }
})

it('the format of an address is told by its file, without what points to it or is asked behind it', () => {
  expect(formatOf('data/flights.parquet.dvc')).toBe('parquet')
  expect(formatOf('data/flights.csv.gz.dvc')).toBe('csv')
  expect(formatOf('https://host/flights.json?version=3#rows')).toBe('json')
  expect(formatOf('https://host/flights?name=x.csv')).toBeUndefined()
  expect(formatOf('s3://lake/what?.csv')).toBe('csv')
  expect(formatOf('postgres://host/db?table=archive.csv')).toBe('parquet')
  expect(delimiterOf('data/flights.tsv.dvc')).toBe('\t')
})
