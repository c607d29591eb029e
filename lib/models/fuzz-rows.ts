import { type Bins, criticalValues } from '../compiler/bins.ts'
import type { CompiledInput } from '../compiler/compiled-model.ts'
import type { Forest } from '../compiler/forest.ts'
import { seededRandom } from '../stats/random.ts'

/**
 * Rows made up to find differences: values at and beside thresholds, between them, far outside, any bits at all; known
 * and unknown text.
 * @param rows in all; what comes is whole batches
 */
export function* fuzzRows(
  { inputs }: Forest,
  bins: readonly Bins[],
  rows: number,
  batchRows: number,
  seed: number,
): Generator<Record<string, CompiledInput>> {
  const next = seededRandom(seed)
  const bits = new Uint32Array(1)
  const float = new Float32Array(bits.buffer)
  const numberOf = (critical: Float32Array, { cuts }: Bins): number => {
    const kind = next() % 8
    if (kind < 4) return critical[next() % critical.length] as number
    if (kind < 7 && cuts.length > 0) {
      const [a, b] = [cuts[next() % cuts.length] as number, cuts[next() % cuts.length] as number]
      return a + (b - a) * (next() / 2 ** 32)
    }
    bits[0] = next()
    return float[0] as number
  }
  const critical = bins.map(criticalValues)
  for (let done = 0; done < rows; done += batchRows) {
    let feature = 0
    const batch: Record<string, CompiledInput> = {}
    for (const input of inputs) {
      if (input.kind === 'number') {
        const values = new Float32Array(batchRows * input.width)
        for (let i = 0; i < values.length; i++) {
          const own = feature + (i % input.width)
          values[i] = numberOf(critical[own] as Float32Array, bins[own] as Bins)
        }
        batch[input.name] = values
        feature += input.width
      } else {
        const known = [...input.codes.keys()]
        batch[input.name] = Array.from({ length: batchRows }, () => {
          const kind = next() % 10
          if (kind === 0 || known.length === 0) return null
          if (kind === 1) return `unknown ${next() % 5}`
          return known[next() % known.length] as string
        })
        feature++
      }
    }
    yield batch
  }
}
