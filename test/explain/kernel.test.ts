import { describe, expect, it } from 'vitest'
import { kernelShap } from '../../lib/explain/kernel.ts'
import { seededRandom } from '../../lib/stats/random.ts'
import { shapley } from './brute-force.ts'

/** A game of columns that matter alone, in pairs and all together. */
function madeGame(columns: number, seed: number, interaction: number) {
  const next = seededRandom(seed)
  const uniform = (): number => next() / 2 ** 32 - 0.5
  const alone = Array.from({ length: columns }, uniform)
  const pairs = Array.from({ length: columns * columns }, () => uniform() * interaction)
  const worthOf = (set: ArrayLike<number>): number => {
    let worth = 3
    for (let i = 0; i < columns; i++)
      for (let j = 0; j <= i; j++)
        if (set[i] === 1 && set[j] === 1) worth += i === j ? (alone[i] as number) : (pairs[i * columns + j] as number)
    return worth + interaction * Math.tanh(worth)
  }
  const exact = (): number[] =>
    shapley(columns, 1, (known) => [
      worthOf(Array.from({ length: columns }, (_, i) => (known >> i) & 1)),
    ])[0] as number[]
  const worth = async (sets: readonly Uint8Array[]) => Float64Array.from(sets, worthOf)
  return { worth, exact, total: worthOf(new Uint8Array(columns).fill(1)) - worthOf(new Uint8Array(columns)) }
}
const sum = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b, 0)

describe('KernelSHAP', () => {
  it.each([1, 2, 3, 6, 9])('is exact where all sets of %i columns are asked', async (columns) => {
    const { worth, exact } = madeGame(columns, columns, 1)
    const { parts, errors } = await kernelShap(worth, { columns, outputs: 1, samples: 1_024, seed: 0 })
    for (const [i, part] of exact().entries()) expect(Math.abs(part - (parts[i] as number))).toBeLessThan(1e-9)
    expect(Math.max(...errors)).toBe(0)
  })

  it('is exact for additive games however few sets are asked, and says so', async () => {
    const { worth, exact } = madeGame(14, 5, 0)
    const { parts, errors } = await kernelShap(worth, { columns: 14, outputs: 1, samples: 128, seed: 0 })
    for (const [i, part] of exact().entries()) expect(Math.abs(part - (parts[i] as number))).toBeLessThan(1e-9)
    expect(Math.max(...errors)).toBeLessThan(1e-9)
  })

  it('states errors that are those it makes, over many seeds, and always adds up', async () => {
    const { worth, exact, total } = madeGame(12, 3, 1)
    const truth = exact()
    const ratios: number[] = []
    let inside = 0
    for (let seed = 0; seed < 200; seed++) {
      const { parts, errors } = await kernelShap(worth, { columns: 12, outputs: 1, samples: 256, seed })
      expect(Math.abs(sum(parts) - total)).toBeLessThan(1e-12)
      for (const [i, part] of truth.entries()) {
        const ratio = (part - (parts[i] as number)) / (errors[i] as number)
        ratios.push(ratio)
        if (Math.abs(ratio) < 2) inside++
      }
    }
    expect(inside / ratios.length).toBeGreaterThan(0.9)
    expect(inside / ratios.length).toBeLessThan(0.985)
    // No bias: the mean of 200 estimates lies within a few of its own errors.
    expect(Math.abs(sum(ratios) / ratios.length)).toBeLessThan(0.2)
  })

  it('gives the same for the same seed', async () => {
    const { worth } = madeGame(20, 7, 1)
    const options = { columns: 20, outputs: 1, samples: 200, seed: 9 }
    expect(await kernelShap(worth, options)).toEqual(await kernelShap(worth, options))
    expect(await kernelShap(worth, options)).not.toEqual(await kernelShap(worth, { ...options, seed: 10 }))
  })

  it('explains several answers at once as it does each alone', async () => {
    const [one, two] = [madeGame(8, 1, 1), madeGame(8, 2, 1)]
    const both = async (sets: readonly Uint8Array[]) => {
      const [a, b] = [await one.worth(sets), await two.worth(sets)]
      return Float64Array.from({ length: sets.length * 2 }, (_, i) => (i % 2 === 0 ? a : b)[i >> 1] as number)
    }
    const options = { columns: 8, samples: 64, seed: 1 }
    const { parts } = await kernelShap(both, { ...options, outputs: 2 })
    for (const [i, game] of [one, two].entries())
      expect(parts.subarray(i * 8, i * 8 + 8)).toEqual((await kernelShap(game.worth, { ...options, outputs: 1 })).parts)
  })
})
