import { SlipwayError } from '../formats/errors.ts'
import { nearest } from './nearest-name.ts'
import type { TableProfile } from './profile.ts'
import type { ProposedTarget } from './target.ts'

/** An input of a finished model: how many columns it takes; undefined where it does not say. */
export interface ModelInput {
  readonly name: string
  readonly width: number | undefined
}

/**
 * The columns that a finished model takes: by the names of its inputs, or of a single input all numbers in the order of
 * the table.
 * @throws SlipwayError USAGE where the table has not got them
 */
export function takenColumns(
  inputs: readonly ModelInput[],
  { columns, from }: TableProfile,
  { column: target }: ProposedTarget,
): string[] {
  const names = columns.filter((column) => column !== target).map(({ name }) => name)
  const [only] = inputs
  if (inputs.length !== 1 || only === undefined || names.includes(only.name))
    return inputs.map(({ name }) => {
      if (names.includes(name)) return name
      const meant = nearest(name, names)
      throw new SlipwayError('USAGE', `${from} has no column "${name}", which is an input of the model`, {
        next: meant === undefined ? 'a table with the columns that the model takes' : `rename "${meant}" in the table`,
      })
    })
  const numbers = columns.filter(
    (column) => column !== target && (column.reading.kind === 'number' || column.reading.kind === 'boolean'),
  )
  if (only.width === undefined || numbers.length === only.width) return numbers.map(({ name }) => name)
  throw new SlipwayError(
    'USAGE',
    `the model takes ${only.width} numbers a row (its input "${only.name}"), and ${from} has ${numbers.length}: ${numbers.map(({ name }) => name).join(', ')}`,
    { next: 'a table with the columns that the model takes, in their order, and the target' },
  )
}
