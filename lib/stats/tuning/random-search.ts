import type { Dimension, Parameters, ParameterValue, Search } from '../../formats/tuning.ts'
import { seededRandom } from '../random.ts'

/** Parameters at random, each trial by its number alone: what every other search has to be better than. */
export function randomParameters({ space, seed }: Pick<Search, 'space' | 'seed'>, number: number): Parameters {
  const random = seededRandom(seed * 1_000_003 + number)
  const uniform = (): number => (random() + 0.5) / 2 ** 32
  const names = Object.keys(space).sort()
  return Object.fromEntries(names.map((name) => [name, valueAt(space[name] as Dimension, uniform())]))
}

/** The value of a dimension at a place from 0 to 1. */
function valueAt(dimension: Dimension, at: number): ParameterValue {
  if (dimension.kind === 'choice') return dimension.of[Math.floor(at * dimension.of.length)] as ParameterValue
  const { from, to, kind, scale } = dimension
  // A whole number has all between itself less a half and itself and a half.
  const [low, high] = kind === 'whole' ? [from - 0.5, to + 0.5] : [from, to]
  const value = scale === 'log' ? low * (high / low) ** at : low + (high - low) * at
  return Math.min(to, Math.max(from, kind === 'whole' ? Math.round(value) : value))
}
