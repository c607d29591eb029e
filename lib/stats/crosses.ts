import type { Numbers } from '../formats/columns.ts'
import { type Cross, crossName } from '../formats/crosses.ts'
import { seededRandom } from './random.ts'

/** Columns of features: numbers (NaN for missing) or text (null for missing). */
type Columns = Readonly<Record<string, Numbers | readonly (string | null)[]>>
type Part = string | number | null

const folds = 5
/** Weight, in rows, of the mean of all rows in the value of a combination. */
const smoothing = 50

const partOf = (value: string | number | null | undefined): Part =>
  value === undefined || Number.isNaN(value) ? null : (value as Part)

/** Combinations numbered as they are first seen: a tree of maps, one level a part. */
function numbering() {
  type Level = Map<Part, Level | number>
  const root: Level = new Map()
  const seen: Part[][] = []
  return {
    seen,
    /** The number of a combination; a new one only where `add` says so. */
    find(columns: readonly ArrayLike<Part>[], row: number, add: boolean): number | undefined {
      let level = root
      const last = columns.length - 1
      for (let i = 0; i < last; i++) {
        const part = partOf(columns[i]?.[row])
        let next = level.get(part) as Level | undefined
        if (next === undefined) {
          if (!add) return undefined
          next = new Map()
          level.set(part, next)
        }
        level = next
      }
      const part = partOf(columns[last]?.[row])
      const known = level.get(part) as number | undefined
      if (known !== undefined || !add) return known
      level.set(part, seen.length)
      seen.push(columns.map((column) => partOf(column[row])))
      return seen.length - 1
    },
  }
}

/**
 * Fits a cross on training rows (target encoding with smoothing: Micci-Barreca, SIGKDD Explorations 3(1), 2001).
 * @returns the cross for rows to come, and the values for the training rows themselves [rows]: each from the labels of
 *   the other folds only, since a row that is encoded by its own label tells the trees what they are to learn. Folds
 *   are drawn with the seed.
 */
export function fitCross(
  of: readonly string[],
  features: Columns,
  labels: ArrayLike<number>,
  seed: number,
): { cross: Cross; values: Float32Array } {
  const columns = of.map((name) => features[name] as Columns[string])
  const rows = labels.length
  const next = seededRandom(seed)
  const combinations = numbering()
  const numbers = new Uint32Array(rows)
  const foldOf = Uint8Array.from({ length: rows }, () => next() % folds)
  for (let row = 0; row < rows; row++) numbers[row] = combinations.find(columns, row, true) as number

  // By combination and fold, and by fold alone.
  const { seen } = combinations
  const [sums, counts] = [new Float64Array(seen.length * folds), new Float64Array(seen.length * folds)]
  const [foldSums, foldCounts] = [new Float64Array(folds), new Float64Array(folds)]
  for (let row = 0; row < rows; row++) {
    const fold = foldOf[row] as number
    const cell = (numbers[row] as number) * folds + fold
    const label = labels[row] as number
    sums[cell] = (sums[cell] as number) + label
    counts[cell] = (counts[cell] as number) + 1
    foldSums[fold] = (foldSums[fold] as number) + label
    foldCounts[fold] = (foldCounts[fold] as number) + 1
  }
  const total = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0)
  const [allSum, allCount] = [total(foldSums), total(foldCounts)]
  const prior = allCount === 0 ? 0 : allSum / allCount
  /** The value of a combination by all folds but one; by all of them for none. */
  const rateOf = (combination: number, without: number | undefined): number => {
    let [sum, count, mean] = [0, 0, prior]
    for (let fold = 0; fold < folds; fold++) {
      if (fold === without) continue
      sum += sums[combination * folds + fold] as number
      count += counts[combination * folds + fold] as number
    }
    if (without !== undefined) {
      const others = allCount - (foldCounts[without] as number)
      if (others > 0) mean = (allSum - (foldSums[without] as number)) / others
    }
    return Math.fround((sum + smoothing * mean) / (count + smoothing))
  }
  const outOfFold = Float32Array.from({ length: seen.length * folds }, (_, cell) =>
    rateOf(Math.floor(cell / folds), cell % folds),
  )
  const values = new Float32Array(rows)
  for (let row = 0; row < rows; row++)
    values[row] = outOfFold[(numbers[row] as number) * folds + (foldOf[row] as number)] as number
  return {
    values,
    cross: {
      name: crossName(of),
      of: [...of],
      prior: Math.fround(prior),
      cells: seen.map((parts, combination) => [parts, rateOf(combination, undefined)]),
    },
  }
}

/** Looks crosses up for rows: [rows] each, by name. */
export function crossReader(crosses: readonly Cross[]): (features: Columns) => Record<string, Float32Array> {
  const readers = crosses.map(({ name, of, prior, cells }) => {
    const combinations = numbering()
    const values = Float32Array.from(cells, ([, value]) => value)
    for (const [parts] of cells)
      combinations.find(
        parts.map((part) => [part]),
        0,
        true,
      )
    return [
      name,
      (features: Columns): Float32Array => {
        const columns = of.map((part) => features[part] as Columns[string])
        const made = new Float32Array(columns[0]?.length ?? 0)
        for (let row = 0; row < made.length; row++) {
          const number = combinations.find(columns, row, false)
          made[row] = number === undefined ? prior : (values[number] as number)
        }
        return made
      },
    ] as const
  })
  return (features) => Object.fromEntries(readers.map(([name, read]) => [name, read(features)]))
}
