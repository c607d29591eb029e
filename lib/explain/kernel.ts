import { seededRandom } from '../stats/random.ts'

/** What sets of known columns are worth, one after the other: [sets · outputs]. */
export type Worth = (sets: readonly Uint8Array[]) => Promise<Float64Array>

export interface KernelEstimate {
  /** [outputs · columns]. */
  readonly parts: Float64Array
  /** Standard errors of the parts; 0 where all sets were asked: [outputs · columns]. */
  readonly errors: Float64Array
  /** What no column is worth: [outputs]. */
  readonly none: Float64Array
}

export interface KernelOptions {
  readonly columns: number
  readonly outputs: number
  /** Sets asked about, at most, besides none and all. */
  readonly samples: number
  readonly seed: number
}

/** Groups of samples that errors are told from. */
const groups = 16

/**
 * Shapley values of any game by weighted least squares (KernelSHAP, Lundberg and Lee, NeurIPS 2017, Theorem 2), sets
 * drawn by their weight and each with its complement (Covert and Lee, AISTATS 2021, sections 3 and 4). Where there are
 * no more sets than samples all are asked, and the result is exact. Else errors are those of a delete-a-group jackknife
 * over the pairs. The parts add up to what all columns are worth less what none is, always.
 */
export async function kernelShap(worth: Worth, options: KernelOptions): Promise<KernelEstimate> {
  const { columns, outputs } = options
  const ends = await worth([new Uint8Array(columns), new Uint8Array(columns).fill(1)])
  const [none, all] = [ends.subarray(0, outputs), ends.subarray(outputs)]
  const total = all.map((value, output) => value - (none[output] as number))
  if (columns === 1) return { none, parts: total, errors: new Float64Array(outputs) }
  const { sets, weights, isWhole } = chooseSets(options)
  const values = await worth(sets)
  const parts: number[] = []
  const errors: number[] = []
  const share = Math.ceil(sets.length / 2 / groups) * 2
  for (let output = 0; output < outputs; output++) {
    const sums = isWhole ? [newSums(columns)] : Array.from({ length: groups }, () => newSums(columns))
    sets.forEach((set, i) => {
      const value = (values[i * outputs + output] as number) - (none[output] as number)
      addSet(sums[isWhole ? 0 : Math.floor(i / share)] as Sums, set, weights[i] as number, value)
    })
    const whole = solve(added(sums), columns, total[output] as number)
    parts.push(...whole)
    errors.push(...(isWhole ? whole.map(() => 0) : jackknife(sums, columns, total[output] as number)))
  }
  return { none, parts: Float64Array.from(parts), errors: Float64Array.from(errors) }
}

/** Sets of columns with the kernel's weights: all there are, or a sample by those weights, in pairs. */
function chooseSets({ columns, samples, seed }: KernelOptions) {
  const sizes = Array.from({ length: columns - 1 }, (_, i) => i + 1)
  // Of all sets of a size together: the kernel's weight of one times their number.
  const weightOf = (size: number): number => (columns - 1) / (size * (columns - size))
  if (columns < 31 && 2 ** columns - 2 <= samples) {
    const sets = Array.from({ length: 2 ** columns - 2 }, (_, i) =>
      Uint8Array.from({ length: columns }, (__, column) => ((i + 1) >> column) & 1),
    )
    const weights = sets.map((set) => {
      const size = set.reduce((sum, each) => sum + each, 0)
      return weightOf(size) / choose(columns, size)
    })
    return { sets, weights, isWhole: true }
  }
  const next = seededRandom(seed)
  const uniform = (): number => next() / 2 ** 32
  const sum = sizes.reduce((before, size) => before + weightOf(size), 0)
  const sets: Uint8Array[] = []
  const order = Array.from({ length: columns }, (_, i) => i)
  while (sets.length < samples - 1) {
    let left = uniform() * sum
    const size =
      sizes.find((each) => {
        left -= weightOf(each)
        return left <= 0
      }) ?? 1
    const set = new Uint8Array(columns)
    for (let i = 0; i < size; i++) {
      const other = i + Math.floor(uniform() * (columns - i))
      const column = order[other] as number
      order[other] = order[i] as number
      order[i] = column
      set[column] = 1
    }
    sets.push(
      set,
      set.map((each) => 1 - each),
    )
  }
  return { sets, weights: sets.map(() => 1), isWhole: false }
}

const choose = (n: number, k: number): number => (k === 0 ? 1 : (choose(n - 1, k - 1) * n) / k)

/** Normal equations: sums of z zᵀ [columns · columns] and of z times worth [columns]. */
interface Sums {
  readonly square: Float64Array
  readonly product: Float64Array
}

const newSums = (columns: number): Sums => ({
  square: new Float64Array(columns * columns),
  product: new Float64Array(columns),
})

function addSet({ square, product }: Sums, set: Uint8Array, weight: number, value: number): void {
  const n = set.length
  for (let i = 0; i < n; i++) {
    if (set[i] === 0) continue
    product[i] = (product[i] as number) + weight * value
    for (let j = 0; j < n; j++) if (set[j] === 1) square[i * n + j] = (square[i * n + j] as number) + weight
  }
}

function added(sums: readonly Sums[], without?: Sums): Sums {
  const of = (pick: (each: Sums) => Float64Array): Float64Array => {
    const whole = new Float64Array(pick(sums[0] as Sums).length)
    for (const each of sums)
      if (each !== without)
        pick(each).forEach((value, i) => {
          whole[i] = (whole[i] as number) + value
        })
    return whole
  }
  return { square: of(({ square }) => square), product: of(({ product }) => product) }
}

/** Least squares whose parts add up to `total`: Lagrange's conditions, by Gaussian elimination with pivots. */
function solve({ square, product }: Sums, columns: number, total: number): number[] {
  const rows: Float64Array[] = Array.from({ length: columns + 1 }, (_, i) =>
    Float64Array.from({ length: columns + 2 }, (__, j) => {
      if (i === columns) return j < columns ? 1 : j === columns ? 0 : total
      return j < columns ? (square[i * columns + j] as number) : j === columns ? 1 : (product[i] as number)
    }),
  )
  const size = columns + 1
  for (let at = 0; at < size; at++) {
    let best = at
    for (let i = at + 1; i < size; i++)
      if (Math.abs(rows[i]?.[at] as number) > Math.abs(rows[best]?.[at] as number)) best = i
    ;[rows[at], rows[best]] = [rows[best] as Float64Array, rows[at] as Float64Array]
    const pivot = rows[at] as Float64Array
    // Columns that no set tells apart share what they have together.
    if (Math.abs(pivot[at] as number) < 1e-12) continue
    for (let i = 0; i < size; i++) {
      const row = rows[i] as Float64Array
      const factor = i === at ? 0 : (row[at] as number) / (pivot[at] as number)
      if (factor !== 0) for (let j = at; j <= size; j++) row[j] = (row[j] as number) - factor * (pivot[j] as number)
    }
  }
  const parts = Array.from({ length: columns }, (_, i) => {
    const row = rows[i] as Float64Array
    return Math.abs(row[i] as number) < 1e-12 ? 0 : (row[size] as number) / (row[i] as number)
  })
  // To the last bit: what rounding left goes to the largest.
  const rest = total - parts.reduce((sum, part) => sum + part, 0)
  const largest = parts.reduce((best, part, i) => (Math.abs(part) > Math.abs(parts[best] as number) ? i : best), 0)
  parts[largest] = (parts[largest] as number) + rest
  return parts
}

function jackknife(sums: readonly Sums[], columns: number, total: number): number[] {
  const left = sums.map((without) => solve(added(sums, without), columns, total))
  return Array.from({ length: columns }, (_, i) => {
    const mean = left.reduce((sum, parts) => sum + (parts[i] as number), 0) / left.length
    const spread = left.reduce((sum, parts) => sum + ((parts[i] as number) - mean) ** 2, 0)
    return Math.sqrt((spread * (left.length - 1)) / left.length)
  })
}
