import { describe, expect, it } from 'vitest'
import { columnPosition, gatePositions } from '../../lib/code/definition-places.ts'

const definition = `import { auc, logLoss, pipeline } from 'slipway'
export default pipeline('loans', (p) => {
  const grün = p.package(model) // a letter that is two bytes of UTF-8
  p.gate(grün, {
    on: parts.test,
    must: [
      auc.atLeast(0.6),
      slice('purpose', auc.atLeast(0.5)), logLoss.atMost(1),
    ],
  })
})
`

describe('gates of a definition', () => {
  it('are found in the list of their call, from any place of the call', () => {
    const expected = [
      { line: 7, column: 7 },
      { line: 8, column: 7 },
      { line: 8, column: 43 },
    ]
    for (const call of [
      { line: 4, column: 3 },
      { line: 4, column: 5 },
      { line: 5, column: 5 },
    ])
      expect(gatePositions(definition, call)).toEqual(expected)
  })

  it('are not guessed where the list is written elsewhere, and known up to what is spread into it', () => {
    expect(gatePositions('p.gate(c, { must })', { line: 1, column: 3 })).toEqual([])
    expect(gatePositions('p.gate(c, { must: gates() })', { line: 1, column: 3 })).toEqual([])
    expect(gatePositions('p.gate(c, { must: [a, ...more, b] })', { line: 1, column: 3 })).toEqual([
      { line: 1, column: 20 },
    ])
    expect(gatePositions('', { line: 9, column: 9 })).toEqual([])
  })
})

describe('a column', () => {
  it('is found in the schema that names it', () => {
    const schema = "export const Loan = z.object({\n  id: z.int(),\n  'loan age': z.int(),\n})"
    expect(columnPosition(schema, 'id')).toEqual({ line: 2, column: 3 })
    expect(columnPosition(schema, 'loan age')).toEqual({ line: 3, column: 3 })
    expect(columnPosition('z.strictObject({ id: z.int() })', 'id')).toEqual({ line: 1, column: 18 })
  })

  it('is not guessed where two schemas have it, or none', () => {
    expect(columnPosition('z.object({ id: 1 }); z.object({ id: 1 })', 'id')).toBeUndefined()
    expect(columnPosition('const object = { id: 1 }', 'id')).toBeUndefined()
  })
})
