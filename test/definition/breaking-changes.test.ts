import { expect, it } from 'vitest'
import { z } from 'zod'
import { rowSchemaOf } from '../../lib/definition/contract/from-zod.ts'
import { breakingChanges } from '../../lib/formats/breaking-changes.ts'

const before = rowSchemaOf(z.object({ income: z.number(), age: z.int(), city: z.string().nullable() }))
const changes = (after: z.ZodObject): string[] => breakingChanges(before, rowSchemaOf(after))

it('breaks nobody to leave a column out, to allow what was refused, or to add a column that may be missing', () => {
  expect(changes(z.object({ income: z.number().nullable(), extra: z.string().nullable() }))).toEqual([])
})

it('breaks callers to rename or retype a column, or to ask for one that could be missing', () => {
  expect(changes(z.object({ salary: z.number(), age: z.string(), city: z.string() }))).toEqual([
    'column "salary" is new and required',
    'column "age" was integer and is string',
    'column "city" may no longer be missing',
  ])
})
