import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { shareOfNoChange } from '../../pipelines/stocks/metrics.ts'
import { openPlace, type Place } from '../support/place.ts'
import {
  cellsOf,
  copyStocks,
  editStocks,
  outputOf,
  packagesOf,
  ranIn,
  rowsIn,
  runStocks,
  stockNames,
} from '../support/stocks-project.ts'

/*
 * The third example, carried out by a worker: two tables of a package, joined in time, and a model a stock. What its
 * rows hold is computed anew from the cells of the files.
 */
let place: Place
beforeAll(async () => {
  place = await openPlace()
  copyStocks(place.project)
})
afterAll(() => place?.close())

const monthOf = (label: string): number => {
  const date = new Date(`${label} UTC`)
  return date.getUTCFullYear() * 12 + date.getUTCMonth()
}
/** Midnight before the last day of a month. */
const closeOf = (month: number): number => Date.UTC(Math.floor(month / 12), (month % 12) + 1, 0)
const timeOf = (row: Record<string, unknown> | undefined, column: string): number =>
  (row?.[column] as Date | undefined)?.getTime() ?? Number.NaN
const quotes = cellsOf('stocks.csv')
const levels = new Map(cellsOf('sp500.csv').map(([date = '', price]) => [monthOf(date), Number(price)]))
const pricesOf = (stock: string): Map<number, number> =>
  new Map(
    quotes
      .filter(([symbol]) => symbol?.toLowerCase() === stock)
      .map(([, date = '', price]) => [monthOf(date), Number(price)]),
  )
const march2010 = monthOf('Mar 1 2010')

describe('the example stocks', () => {
  let first: Awaited<ReturnType<typeof runStocks>>

  it('makes a model a stock, each past its gates and registered', async () => {
    first = await runStocks(place)
    expect(first.branches).toEqual(
      stockNames.map((name) => ({ name, status: 'succeeded', model: `stocks-${name} version 1`, failure: null })),
    )
    expect(first.gates).toHaveLength(2 * stockNames.length)
    expect(first.gates.every(({ passed }) => passed)).toBe(true)
    expect(new Set(Object.values(packagesOf(first))).size).toBe(stockNames.length)
  })

  it('reads prices of the end of the month that they are dated by the first of', () => {
    const days = cellsOf('sp500-2000.csv').map(([day = '', , , , close]) => ({ month: day.slice(0, 7), close }))
    for (const [month, level] of levels) {
      const name = new Date(closeOf(month)).toISOString().slice(0, 7)
      const closes = days.filter((day) => day.month === name).map(({ close }) => Number(close))
      const isLast = Math.abs((closes.at(-1) as number) - level) < 0.01
      expect(isLast, name).toBe(month !== march2010)
    }
  })

  it.each(stockNames)('makes rows of what was known when the month closed, and of the target: %s', async (stock) => {
    const prices = pricesOf(stock)
    const rows = await rowsIn(place.store.store, outputOf(first, `${stock}/own`, 'table'))
    // Without the first month, which has no change, March 2010, and the one before it, which has no next.
    expect(rows).toHaveLength(prices.size - 3)
    const change = (of: Map<number, number>, month: number): number =>
      (of.get(month) as number) / (of.get(month - 1) as number) - 1
    for (const [i, row] of rows.entries()) {
      const month = Math.min(...prices.keys()) + 1 + i
      expect(timeOf(row, 'closed')).toBe(closeOf(month))
      expect(row.change).toBeCloseTo(change(prices, month), 12)
      expect(row.index_change).toBeCloseTo(change(levels, month), 12)
      expect(row.next).toBeCloseTo(change(prices, month + 1), 12)
    }
  })

  it('joins no month of the index that closed after the stock’s', async () => {
    const joined = await rowsIn(place.store.store, outputOf(first, 'join', 'table'))
    expect(joined).toHaveLength(quotes.length - 3 * stockNames.length)
    for (const row of joined) expect(timeOf(row, 'index_closed')).toBe(timeOf(row, 'closed'))
  })

  it('learns from outcomes that were known when the first row to validate by asks', async () => {
    for (const stock of stockNames) {
      const parts = ['train', 'validation', 'test'].map((part) => outputOf(first, `${stock}/split`, part))
      const [train = [], validation = [], test = []] = await Promise.all(
        parts.map((digest) => rowsIn(place.store.store, digest)),
      )
      expect(timeOf(train.at(-1), 'closed')).toBe(Date.UTC(2007, 11, 31))
      expect(timeOf(validation[0], 'closed')).toBe(Date.UTC(2008, 0, 31))
      expect(timeOf(validation.at(-1), 'closed')).toBe(Date.UTC(2008, 5, 30))
      expect(timeOf(test[0], 'closed')).toBe(Date.UTC(2008, 6, 31))
    }
  })

  it('is all reused the second time', async () => {
    const again = await runStocks(place)
    expect(ranIn(again)).toEqual([])
    expect(again.branches).toEqual(first.branches)
    expect(packagesOf(again)).toEqual(packagesOf(first))
  })

  it('keeps a model that does harm from being registered, and only that one', async () => {
    editStocks(place.project, [["validationFrom: '2008-01-01'", "validationFrom: '2007-07-01'"]])
    const { branches, gates } = await runStocks(place, 12)
    expect(branches.filter(({ status }) => status !== 'succeeded').map(({ name }) => name)).toEqual(['goog'])
    const failed = gates.filter(({ passed }) => !passed)
    // The definition says which value it is that fails.
    const harm = failed.find(({ name }) => name === 'goog: shareOfNoChange ≤ 1.1')
    expect(harm?.value).toBeCloseTo(1.22, 2)
    expect(failed.every(({ name }) => name.startsWith('goog: '))).toBe(true)
  })
})

describe('the metric of the example stocks', () => {
  it.each([
    ['nothing changes', [0, 0, 0], 1],
    ['what happened', [0.1, -0.2, 0.2], 0],
    ['the opposite', [-0.1, 0.2, -0.2], 2],
    ['half of it', [0.05, -0.1, 0.1], 0.5],
  ])('of the guess that is %s', (_, guess, share) => {
    expect(shareOfNoChange(guess, Float64Array.of(0.1, -0.2, 0.2))).toBeCloseTo(share, 12)
  })

  it('is undefined where no price moves, and so never passes', () => {
    expect(shareOfNoChange([0, 0], Float64Array.of(0, 0))).toBeNaN()
  })
})
