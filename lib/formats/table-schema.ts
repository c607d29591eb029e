import type { Plan } from './plan.ts'
import type { RowSchema } from './row-schema.ts'
import { readOf } from './step-id.ts'

/** The schema of a table that a plan makes, by the id that other steps name it by. */
export function schemaOfTable({ steps }: Plan, id: string): RowSchema {
  const { step: named, output } = readOf(id)
  const step = steps.find((each) => each.id === named)
  if (step !== undefined && 'schema' in step) return step.schema
  const own = step?.kind === 'step' ? step.outputs[output] : undefined
  if (own === undefined || !('schema' in own)) throw new Error(`the plan has no table "${id}"`)
  return own.schema
}
