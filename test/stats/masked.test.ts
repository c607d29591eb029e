import { describe, expect, it } from 'vitest'
import { driftOfCounts } from '../../lib/stats/drift.ts'
import { maskedProfile } from '../../lib/stats/masked-profile.ts'
import { type ColumnProfile, profileCategories, profileNumbers } from '../../lib/stats/profile.ts'
import { profileCounter } from '../../lib/stats/profile-counter.ts'

const towns = profileCategories(['Ulm', 'Bonn', 'Kiel'], Int32Array.of(0, 0, 0, 1, 1, 2))
const ages = profileNumbers(Float64Array.of(31.25, 47.5, 47.5, 64.75))
const baseline = { town: towns, age: ages }
const anyValue = /Ulm|Bonn|Kiel|31\.25|47\.5|64\.75/

describe('a masked column', () => {
  const counted = (masked: boolean) => {
    const counter = profileCounter(baseline, {
      inputs: [
        { name: 'town', masked },
        { name: 'age', masked },
      ],
    })
    counter.add({ town: ['Ulm', 'Kiel', 'Aix', null], age: Float64Array.of(31.25, 50, 64.75, Number.NaN) })
    return counter.take()
  }

  it('is counted without its values, and drifts as it would with them', () => {
    const [plain, hidden] = [counted(false), counted(true)]
    expect(JSON.stringify(plain)).toMatch(anyValue)
    expect(JSON.stringify(hidden)).not.toMatch(anyValue)
    for (const name of ['town', 'age'] as const) {
      const profile: ColumnProfile = baseline[name]
      const open = driftOfCounts(name, profile, plain[name] ?? [], null)
      const closed = driftOfCounts(name, { ...profile, masked: true }, hidden[name] ?? [], null)
      expect(closed.measures).toEqual(open.measures)
      expect(closed.bins.map(({ label: _, ...shares }) => shares)).toEqual(
        open.bins.map(({ label: _, ...shares }) => shares),
      )
      expect(JSON.stringify(closed)).not.toMatch(anyValue)
    }
  })

  it('drifts alike where a gateway of an older version says its values', () => {
    const masked = { ...towns, masked: true }
    const [older, newer] = [counted(false), counted(true)].map(({ town = [] }) =>
      driftOfCounts('town', masked, town, null),
    )
    expect(older).toEqual(newer)
  })

  it('of a profile has other words for texts, and of numbers only how many there are', () => {
    const schema = [
      { name: 'town', type: 'string', nullable: false, masked: true },
      { name: 'age', type: 'number', nullable: false, masked: true },
    ] as const
    const shown = maskedProfile(baseline, [...schema], (column, value) => `${column}:${value.length}`)
    expect(JSON.stringify(shown)).not.toMatch(anyValue)
    expect(shown).toMatchObject({
      town: {
        distinct: 3,
        top: [
          ['town:3', 3],
          ['town:4', 2],
          ['town:4', 1],
        ],
      },
      age: { rows: 4, missing: 0, distinct: 3, min: null, edges: [] },
    })
  })
})
