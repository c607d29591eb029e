import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  identifiers,
  inComment,
  isMissingWord,
  isNameOfId,
  keyOf,
  literal,
  rankAsTarget,
  slug,
} from '../../lib/proposal/words.ts'

const anyName = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 30 }),
  fc.constantFrom(
    'class',
    'Größe in m²',
    '__proto__',
    'constructor',
    '2024',
    'a b',
    'a_b',
    'A B',
    '🙂',
    '`$\u007Bx}`',
    "it's",
    '*/',
    'a\nb',
  ),
)

/** What JavaScript itself makes of a source text. */
const evaluated = (source: string): unknown => new Function(`'use strict'; return ${source}`)()

describe('names of columns in code', () => {
  it('become variables, each its own, that JavaScript takes', () => {
    fc.assert(
      fc.property(fc.uniqueArray(anyName, { minLength: 1, maxLength: 12 }), (names) => {
        const variables = identifiers(names)
        expect(new Set(variables).size).toBe(names.length)
        expect(
          evaluated(`(({ ${variables.map((each, i) => `${keyOf(`k${i}`)}: ${each}`).join(', ')} }) => 1)({})`),
        ).toBe(1)
      }),
    )
  })

  it.each([
    ['Größe in m²', 'groesse_in_m2'],
    ['class', 'class_'],
    ['PassengerId', 'PassengerId'],
    ['2nd try', 'column_2nd_try'],
    ['🙂', 'column'],
    ['Fläche', 'flaeche'],
  ])('%s is %s', (name, variable) => {
    expect(identifiers([name])).toEqual([variable])
  })

  it('are texts and keys that say the same', () => {
    fc.assert(
      fc.property(anyName, (name) => {
        expect(evaluated(literal(name))).toBe(name)
        if (name !== '__proto__') expect(evaluated(`Object.keys({ ${keyOf(name)}: 1 })[0]`)).toBe(name)
      }),
    )
  })

  it('end no comment', () => {
    fc.assert(fc.property(anyName, (name) => !/\*\/|\n/.test(inComment(name))))
  })

  it('become names of pipelines, where anything is left of them', () => {
    expect(slug('Größe in m²')).toBe('groesse-in-m2')
    expect(slug('🙂')).toBeUndefined()
    fc.assert(fc.property(anyName, (name) => /^[a-z0-9][a-z0-9-]{0,62}$/.test(slug(name) ?? 'x')))
  })
})

describe('what names say', () => {
  it.each(['id', 'customer_id', 'CustomerID', 'Kunden-Nr', 'Unnamed: 0', 'uuid', 'index', 'order id 2'])(
    '%s is an identifier',
    (name) => {
      expect(isNameOfId(name)).toBe(true)
    },
  )
  it.each(['paid', 'width', 'number of rooms', 'valid', 'idea', 'humidity'])('%s is none', (name) => {
    expect(isNameOfId(name)).toBe(false)
  })
  it('targets are called target before they are called price', () => {
    expect(rankAsTarget('target')).toBeLessThan(rankAsTarget('price'))
    expect(rankAsTarget('Sale Price')).toBeLessThan(Number.POSITIVE_INFINITY)
    expect(rankAsTarget('colour')).toBe(Number.POSITIVE_INFINITY)
  })
  it.each(['NA', ' n/a ', '-', '?', 'NULL', '#N/A', ''])('%j stands for nothing', (word) => {
    expect(isMissingWord(word)).toBe(true)
  })
  it.each(['0', 'no', 'Nan Chang', 'north'])('%j is a value', (word) => {
    expect(isMissingWord(word)).toBe(false)
  })
})
