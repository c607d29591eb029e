import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { batchPolicyOf } from '../../lib/definition/batch.ts'
import { fillIn, inputFormatOf, partitionAt } from '../../lib/formats/batch-policy.ts'
import { cutShards, partitionOf } from '../../lib/formats/shards.ts'

describe('shards', () => {
  it('are whole row groups, all of them, in order, none smaller than asked but for a remainder', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 60 }),
        fc.integer({ min: 1, max: 900 }),
        (groups, atLeast) => {
          const shards = cutShards(3, groups, atLeast)
          let sum = 0
          const edges = new Set(groups.map((rows) => (sum += rows)))
          let at = 0
          for (const [i, { file, from, to }] of shards.entries()) {
            expect(file).toBe(3)
            expect(from).toBe(at)
            expect(edges.has(to as number)).toBe(true)
            if (i < shards.length - 1) expect((to as number) - from).toBeGreaterThanOrEqual(atLeast)
            at = to as number
          }
          expect(at).toBe(groups.reduce((sum, rows) => sum + rows, 0))
        },
      ),
    )
  })

  it('of the flights are its eleven row groups', () => {
    expect(cutShards(0, [...Array(10).fill(272_727), 272_730])).toHaveLength(11)
  })
})

describe('a batch', () => {
  it('is named by its day, or by its hour where a template asks for it', () => {
    const time = new Date('2001-06-01T14:59:59.999Z')
    expect(partitionAt({ from: 'in/{date}/', to: null }, time)).toBe('2001-06-01')
    expect(partitionAt({ from: 'in/{date}/', to: 'out/{date}/{hour}/' }, time)).toBe('2001-06-01T14')
    expect(fillIn('in/{date}/{hour}.csv', '2001-06-01T14')).toBe('in/2001-06-01/14.csv')
  })

  it('reads columns from folders as Hive writes them', () => {
    expect(partitionOf('lake/region=EU/city=S%C3%A3o%20Paulo/x=1.parquet')).toEqual({ region: 'EU', city: 'São Paulo' })
    expect(partitionOf('=x/plain/a.parquet')).toEqual({})
  })

  it('takes the format from the name', () => {
    expect(['a.csv.gz', 'a.tsv', 'a.ndjson.zst', 'a.jsonl', 'a.parquet', 'folder/'].map(inputFormatOf)).toEqual([
      'csv',
      'csv',
      'json',
      'json',
      'parquet',
      'parquet',
    ])
  })

  it('is refused with what is wrong: cron, days that are all the same, names that are taken', () => {
    const good = { from: 'in/{date}/*.parquet', to: 'out/{date}/' }
    expect(batchPolicyOf('nightly', { ...good, cron: '0 2 * * *' })).toMatchObject({
      onBadRow: 'quarantine',
      overlap: 'wait',
      catchupMs: 86_400_000,
    })
    const refused = (name: string, options: Parameters<typeof batchPolicyOf>[1]) => {
      try {
        batchPolicyOf(name, options)
      } catch (error) {
        return (error as Error).message
      }
      return undefined
    }
    expect(refused('monitor', good)).toContain('are taken')
    expect(refused('nightly', { ...good, cron: '0 2 * *' })).toContain('4 fields, not five')
    expect(refused('nightly', { from: 'in/*.parquet', to: 'out/{date}/', cron: '0 2 * * *' })).toContain(
      'every day would be the same',
    )
    expect(refused('nightly', { ...good, maxBadRows: 1 })).toContain('maxBadRows')
  })
})
