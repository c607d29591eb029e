import { describe, expect, it } from 'vitest'
import type { RowSchema } from '../../lib/formats/row-schema.ts'
import { profileCategories, profileNumbers } from '../../lib/stats/profile.ts'
import { notableIn, profileRows } from '../../lib/stats/profile-summary.ts'

const day = (text: string): number => Date.parse(text)
const profile = {
  age: profileNumbers(Float64Array.of(18, 33.5, 33.5, Number.NaN)),
  opened: profileNumbers(
    Float64Array.of(day('2024-01-01'), day('2024-01-02T10:30:00Z'), day('2024-01-01'), day('2024-01-01')),
  ),
  town: profileCategories(['Ulm', 'Bonn'], Int32Array.of(0, 0, 1, 0)),
  region: profileCategories(['EU'], Int32Array.of(0, 0, 0, 0)),
  notes: profileCategories([], Int32Array.of(-1, -1, -1, -1)),
}
const schema: RowSchema = [
  { name: 'age', type: 'number', nullable: true },
  { name: 'opened', type: 'timestamp', nullable: false },
  { name: 'town', type: 'string', nullable: false },
  { name: 'region', type: 'string', nullable: false },
  { name: 'notes', type: 'string', nullable: true },
]

describe('what was read', () => {
  it('is told of every column: its ends, what is missing, how many values', () => {
    expect(profileRows(profile, schema)).toEqual([
      ['age', '18', '33.5', '1 (25 %)', '2'],
      ['opened', '2024-01-01', '2024-01-02T10:30:00Z', '0', '2'],
      ['town', 'mostly Ulm', '', '0', '2'],
      ['region', 'mostly EU', '', '0', '1'],
      ['notes', '', '', '4 (100 %)', '0'],
    ])
  })

  it('in a line is what somebody should know', () => {
    expect(notableIn(profile)).toBe('5 columns; missing: age 25 %; one value: region; empty: notes')
    const town = profile.town
    expect(notableIn({ town })).toBe('1 column')
    const wide = Object.fromEntries(Array.from({ length: 2_000 }, (_, i) => [`c${i}`, profile.age]))
    expect(notableIn(wide)).toBe('2,000 columns; missing: c0 25 %, c1 25 %, c2 25 %, c3 25 % and 1,996 more')
  })

  it('of a masked column shows none of its values', () => {
    const masked = [{ ...(schema[2] as RowSchema[number]), masked: true }]
    expect(profileRows(profile, masked)).toEqual([['town', 'masked', '', '0', '2']])
  })

  it('of a snapshot that 0.6 made is told without the number of values', () => {
    const { distinct: _, ...old } = profile.age as Extract<typeof profile.age, { kind: 'numeric' }>
    expect(profileRows({ age: old }, schema)).toEqual([['age', '18', '33.5', '1 (25 %)', '']])
  })
})
