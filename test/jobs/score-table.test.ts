import { rmSync } from 'node:fs'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { wholeColumns } from '../../lib/data/whole-columns.ts'
import type { Column, Numbers } from '../../lib/formats/columns.ts'
import { scoreChunks, scoreTable, type TableModel } from '../../lib/jobs/score-table.ts'
import { withModels } from '../../lib/models/with-models.ts'
import { makeLocalModel } from '../support/local-model.ts'

let made: Awaited<ReturnType<typeof makeLocalModel>>
let columns: Record<string, Column>
beforeAll(async () => {
  made = await makeLocalModel('binary')
  columns = await wholeColumns(made.table)
})
afterAll(() => rmSync(made.folder, { recursive: true, force: true }))

const slice = (from: number, to: number) =>
  Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, column.slice(from, to)]))

async function* cutAt(cuts: readonly number[]) {
  for (const [i, to] of cuts.entries()) yield slice(cuts[i - 1] ?? 0, to)
}

describe('a table that is scored', () => {
  it('comes out the same however it is cut into chunks, each where it belongs', async () => {
    await withModels([made.model], async (model) => {
      const whole = await model.score(columns)
      await fc.assert(
        fc.asyncProperty(fc.uniqueArray(fc.integer({ min: 1, max: 2_999 }), { maxLength: 6 }), async (drawn) => {
          const cuts = [...drawn.sort((a, b) => a - b), 3_000]
          const found = new Float32Array(3_000)
          let next = 0
          const rows = await scoreChunks([model], cutAt(cuts), ({ columns: read, at, rows, scored: [own] }) => {
            expect(at).toBe(next)
            next += rows
            expect(read.x).toEqual(slice(at, at + rows).x)
            expect((own.features.x as Numbers).length).toBe(rows)
            found.set(own.predictions, at)
          })
          expect(rows).toBe(3_000)
          expect(found).toEqual(whole)
        }),
        { numRuns: 10 },
      )
    })
  })

  it('is read once for several models, each of which gets its own columns and nothing else', async () => {
    const asked: string[][] = []
    const modelOf = (...names: string[]): TableModel => ({
      facts: { inputs: made.table.schema.filter(({ name }) => names.includes(name)) },
      makeFeatures(given) {
        asked.push(Object.keys(given))
        return given as never
      },
      scoreFeatures: async (features) => Float32Array.from(features.x as Numbers, (x) => x * names.length),
    })
    const both = [modelOf('x'), modelOf('x', 'town')] as const
    let chunks = 0
    await scoreTable({ models: both, table: made.table, columns: made.table.schema }, ({ columns: read, scored }) => {
      chunks++
      expect(Object.keys(read)).toEqual(['x', 'y', 'town'])
      expect(scored[1].predictions[7]).toBe(Math.fround(2 * ((read.x as Numbers)[7] as number)))
    })
    expect(chunks).toBe(1)
    expect(asked).toEqual([['x'], ['x', 'town']])
  })

  it.each([
    [1, 1],
    [2_999, 2_999],
    [9_000, 3_000],
  ])('ends after %i rows where no more are asked for', async (asked, expected) => {
    const seen: number[] = []
    const count = await withModels([made.model], (model) =>
      scoreTable({ models: [model], table: made.table, rows: asked }, ({ rows }) => seen.push(rows)),
    )
    expect([count, seen]).toEqual([expected, [expected]])
  })

  it('numbers its rows from the first one on, so that a fault names the row of the table', async () => {
    const failing: TableModel = {
      facts: { inputs: made.table.schema },
      makeFeatures(_, firstRow) {
        throw new Error(`row ${firstRow}`)
      },
      scoreFeatures: async () => new Float32Array(0),
    }
    await expect(scoreChunks([failing], cutAt([100, 3_000]), () => {}, 41)).rejects.toThrow('row 41')
  })
})
