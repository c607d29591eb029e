import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Dimension, type Parameters, type Search, Space, type Trial } from '../../lib/formats/tuning.ts'
import { seededRandom } from '../../lib/stats/random.ts'
import { sharesOf, spentOn } from '../../lib/stats/tuning/halving.ts'
import { bestTrial, nextTrial } from '../../lib/stats/tuning/plan-trials.ts'
import { dimensionsOf, parametersAt, parametersOf, pointOf } from '../../lib/stats/tuning/space.ts'
import { spreadOut } from '../../lib/stats/tuning/spread-out.ts'
import { type Objective, searchWith } from '../support/search-trials.ts'

const numbers = fc.tuple(fc.double({ min: 1e-6, max: 1e6, noNaN: true }), fc.double({ min: 0, max: 1e6, noNaN: true }))
const wholes = fc.tuple(fc.integer({ min: 1, max: 1_000 }), fc.integer({ min: 0, max: 1_000 }))
const dimension: fc.Arbitrary<Dimension> = fc.oneof(
  ...(['log', undefined] as const).flatMap((scale) => [
    numbers.map(([from, more]) => ({ kind: 'number' as const, from, to: from + more, ...(scale && { scale }) })),
    wholes.map(([from, more]) => ({ kind: 'whole' as const, from, to: from + more, ...(scale && { scale }) })),
  ]),
  fc
    .uniqueArray(fc.oneof(fc.string(), fc.integer(), fc.boolean()), { minLength: 1, maxLength: 6 })
    .map((of) => ({ kind: 'choice' as const, of })),
)
const places = fc.array(fc.double({ min: 0, max: 1 - 2 ** -32, noNaN: true }), { minLength: 5, maxLength: 5 })
const spaces: fc.Arbitrary<Space> = fc.dictionary(fc.stringMatching(/^[a-z]{1,4}$/), dimension, {
  minKeys: 1,
  maxKeys: 5,
  noNullPrototype: true,
})
/** Rows for one, two and three shares. */
const searches: fc.Arbitrary<Search> = fc.record({
  space: spaces,
  trials: fc.integer({ min: 1, max: 24 }),
  seed: fc.nat(),
  lag: fc.integer({ min: 0, max: 6 }),
  rows: fc.constantFrom(500, 30_000, 90_000),
})

/** A loss that looks like chance and is a function of the parameters; some trainings fail. */
function lossOf(failing: number): Objective {
  return (parameters, share) => {
    let hash = 7
    for (const code of Buffer.from(JSON.stringify([Object.entries(parameters).sort(), share.toFixed(3)])))
      hash = (Math.imul(hash, 31) + code) >>> 0
    return hash % 100 < failing ? { state: 'failed', why: 'LEARNER_FAILED' } : { state: 'done', loss: hash / 2 ** 32 }
  }
}

function isIn(space: Space, parameters: Parameters): boolean {
  const names = Object.keys(parameters)
  return (
    names.length === Object.keys(space).length &&
    names.every((name) => {
      const [dimension, value] = [space[name] as Dimension, parameters[name] as number]
      if (dimension.kind === 'choice') return dimension.of.includes(value)
      return (
        value >= dimension.from && value <= dimension.to && (dimension.kind === 'number' || Number.isInteger(value))
      )
    })
  )
}

describe('a space', () => {
  it('is refused where it is empty, ends before it begins, or has a logarithm of nothing', () => {
    for (const [space, message] of [
      [{}, 'there is no parameter to tune'],
      [{ a: { kind: 'number', from: 2, to: 1 } }, 'from is above to'],
      [{ a: { kind: 'whole', from: 0, to: 1, scale: 'log' } }, 'a logarithmic dimension begins above 0'],
      [{ a: { kind: 'choice', of: [] } }, 'it names no value'],
    ] as const)
      expect(Space.safeParse(space).error?.issues[0]?.message).toBe(message)
  })

  it('gives parameters within its bounds, wherever in it, whatever order it is written in', () => {
    fc.assert(
      fc.property(spaces, places, (space, at) => {
        const parameters = parametersAt(dimensionsOf(space), at)
        expect(isIn(space, parameters)).toBe(true)
        const turned = Object.fromEntries(Object.entries(space).reverse())
        expect(parametersAt(dimensionsOf(turned), at)).toEqual(parameters)
      }),
    )
  })

  it('finds the parameters of a point again, numbers to the four digits they have', () => {
    fc.assert(
      fc.property(spaces, places, (space, at) => {
        const dimensions = dimensionsOf(space)
        const parameters = parametersAt(dimensions, at)
        const again = parametersOf(dimensions, pointOf(dimensions, parameters))
        for (const [name, value] of Object.entries(parameters))
          if (typeof value === 'number' && space[name]?.kind !== 'choice')
            expect(Math.abs((again[name] as number) - value)).toBeLessThanOrEqual(1e-9 * value)
          else expect(again[name]).toBe(value)
      }),
    )
  })

  it('has its least and its largest whole number as often as those between, on a scale of logarithms in proportion', () => {
    const space: Space = { n: { kind: 'whole', from: 2, to: 5 }, m: { kind: 'whole', from: 1, to: 3, scale: 'log' } }
    const counts: Record<string, Record<number, number>> = { n: {}, m: {} }
    for (let i = 0; i < 10_000; i++)
      for (const [name, value] of Object.entries(parametersAt(dimensionsOf(space), [i / 10_000, i / 10_000])))
        (counts[name] as Record<number, number>)[value as number] = (counts[name]?.[value as number] ?? 0) + 1
    expect(counts['n']).toEqual({ 2: 2_500, 3: 2_500, 4: 2_500, 5: 2_500 })
    // ln 3, ln (5/3) and ln (7/5) of ln 7.
    expect(counts['m']).toEqual({ 1: 5_646, 2: 2_625, 3: 1_729 })
  })

  it('is covered by the first sets: in every dimension one in each tenth', () => {
    const random = seededRandom(1)
    const uniform = (): number => random() / 2 ** 32
    const points = spreadOut(4, 10, uniform)
    for (let d = 0; d < 4; d++)
      expect(points.map((point) => Math.floor((point[d] as number) * 10)).sort()).toEqual([
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
      ])
  })
})

describe('the trials of a search', () => {
  it('are the same whatever ends first and however many run side by side', () => {
    fc.assert(
      fc.property(
        searches,
        fc.integer({ min: 2, max: 9 }),
        fc.infiniteStream(fc.nat({ max: 1_000 })),
        (search, side, ends) => {
          const mixed = searchWith(search, lossOf(10), side, () => ends.next().value)
          expect(mixed).toEqual(searchWith(search, lossOf(10)))
        },
      ),
      { numRuns: 20 },
    )
  })

  it('stay in the space and the budget, are numbered, and no set is tried twice', () => {
    fc.assert(
      fc.property(searches, (search) => {
        const trials = searchWith(search, lossOf(10))
        expect(trials.map(({ number }) => number)).toEqual(trials.map((_, i) => i + 1))
        expect(trials.every(({ parameters }) => isIn(search.space, parameters))).toBe(true)
        expect(spentOn(trials)).toBeLessThanOrEqual(search.trials)
        const sets = trials.filter(({ of }) => of === undefined).map(({ parameters }) => JSON.stringify(parameters))
        const isNarrow = Object.values(search.space).some(
          (each) => each.kind === 'number' && each.to - each.from < 1e-3,
        )
        if (!isNarrow) expect(new Set(sets).size).toBe(sets.length)
      }),
      { numRuns: 20 },
    )
  })

  it('choose one that was trained on all rows, the best of those', () => {
    fc.assert(
      fc.property(searches, (search) => {
        const trials = searchWith(search, lossOf(0))
        const losses = trials.flatMap(({ share, result }) =>
          share === 1 && result?.state === 'done' ? [result.loss] : [],
        )
        expect(losses.length).toBeGreaterThan(0)
        expect(bestTrial(trials)).toMatchObject({ share: 1, result: { loss: Math.min(...losses) } })
      }),
      { numRuns: 20 },
    )
  })

  it('go on where a smaller budget ended, but for its last', () => {
    fc.assert(
      fc.property(searches, fc.integer({ min: 1, max: 10 }), (search, more) => {
        const some = searchWith(search, lossOf(10))
        const all = searchWith({ ...search, trials: search.trials + more }, lossOf(10))
        const kept = search.rows < 30_000 ? some : some.slice(0, -1)
        // The last of the budget may be one or, where one on all rows failed, several.
        const lasts = kept.filter(({ number }, i) => JSON.stringify(all[i]) !== JSON.stringify(kept[number - 1]))
        expect(lasts.filter(({ share }) => share < 1)).toEqual([])
      }),
      { numRuns: 20 },
    )
  })

  it('rest on the order of the losses only: any rising function of them gives the same', () => {
    fc.assert(
      fc.property(searches, (search) => {
        const plain = lossOf(5)
        const bent: Objective = (...of) => {
          const result = plain(...of)
          return result.state === 'done' ? { state: 'done', loss: Math.exp(5 * result.loss) - 2 } : result
        }
        const sets = (trials: readonly Trial[]) => trials.map(({ result: _, ...rest }) => rest)
        expect(sets(searchWith(search, bent))).toEqual(sets(searchWith(search, plain)))
      }),
      { numRuns: 20 },
    )
  })

  it('end when a small space has been tried', () => {
    const space: Space = { a: { kind: 'whole', from: 1, to: 3 }, b: { kind: 'choice', of: ['x', 'y', 'z'] } }
    for (const rows of [500, 90_000]) {
      const trials = searchWith({ space, trials: 50, seed: 3, lag: 4, rows }, lossOf(0))
      const onAll = trials.filter(({ share }) => share === 1)
      expect(new Set(onAll.map(({ parameters }) => JSON.stringify(parameters))).size).toBe(9)
    }
  })

  it('end without a choice where all fail, and the budget is spent', () => {
    for (const rows of [500, 90_000]) {
      const trials = searchWith({ space: wide, trials: 20, seed: 3, lag: 4, rows }, lossOf(100))
      // What is left is less than a trial on all rows.
      expect(spentOn(trials)).toBeGreaterThan(19)
      expect(bestTrial(trials)).toBeUndefined()
    }
  })

  it('run lag + 1 side by side', () => {
    const search = { space: wide, trials: 30, seed: 3, lag: 4, rows: 500 }
    const trials = searchWith(search, lossOf(0))
    for (let begun = 0; begun < 30; begun++) {
      const known = begun - 4
      const so = trials.slice(0, begun).map((trial, i) => (i < known ? trial : { ...trial, result: undefined }))
      expect(nextTrial(search, so as Trial[])).toMatchObject({ number: begun + 1 })
    }
  })
})

const wide: Space = { a: { kind: 'number', from: 0, to: 1 }, b: { kind: 'number', from: 0, to: 1 } }

describe('successive halving', () => {
  it('begins with a ninth and a third of the rows where those are ten thousand', () => {
    expect([999, 29_999, 30_000, 89_999, 90_000, 1e6].map(sharesOf)).toEqual([
      [1],
      [1],
      [1 / 3, 1],
      [1 / 3, 1],
      [1 / 9, 1 / 3, 1],
      [1 / 9, 1 / 3, 1],
    ])
  })

  it('promotes one of three, the best of those known by then, and never a trial that failed', () => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom(30_000, 90_000), (seed, rows) => {
        const shares = sharesOf(rows)
        const search = { space: wide, trials: 15, seed, lag: 2, rows }
        const trials = searchWith(search, lossOf(20))
        const promotions = trials.slice(0, -2).filter(({ of }) => of !== undefined)
        expect(promotions.length).toBeGreaterThan(2)
        for (const { number, share, of } of promotions) {
          const below = shares[shares.indexOf(share) - 1] as number
          // Of larger shares a result counts so much later: 3 times the rows 2 trials, 9 times 8.
          const due = number - 2 - (Math.round(below / (shares[0] as number)) - 1)
          const known = trials.filter((each) => each.share === below && each.number < due)
          const earlier = trials.filter((each) => each.of !== undefined && each.share === share && each.number < number)
          expect(earlier.length).toBeLessThan(Math.floor(known.length / 3))
          const left = known.flatMap(({ number: each, result }) =>
            result?.state === 'done' && earlier.every((before) => before.of !== each)
              ? [{ each, loss: result.loss }]
              : [],
          )
          expect(of).toBe(left.sort((a, b) => a.loss - b.loss)[0]?.each)
        }
      }),
      { numRuns: 20 },
    )
  })
})
