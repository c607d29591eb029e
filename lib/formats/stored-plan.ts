import { z } from 'zod'
import { canonicalJson } from './canonical.ts'
import { Plan } from './plan.ts'
import { ColumnRule } from './row-schema.ts'
import { findKind } from './step-kinds/index.ts'

/**
 * A plan as it is stored: every column stands in it once, however many steps know it; their schemas are numbers into
 * `columns`. What else it holds is checked as a `Plan`, once it is unpacked.
 */
const StoredPlan = z.object({
  slipway: z.literal('plan/2'),
  pipeline: z.string(),
  parallel: z.int().optional(),
  columns: z.array(ColumnRule),
  steps: z.array(z.record(z.string(), z.unknown())),
})

const Places = z.array(z.int())

/** The form in which a plan is stored; its digest is the plan's. */
export function packPlan({ pipeline, parallel, steps }: Plan): z.infer<typeof StoredPlan> {
  const columns: ColumnRule[] = []
  const places = new Map<string, number>()
  const place = (column: ColumnRule): number => {
    const text = canonicalJson(column)
    const known = places.get(text)
    if (known !== undefined) return known
    places.set(text, columns.length)
    return columns.push(column) - 1
  }
  const packed = steps.map((step) => withSchemas(step, (columns) => (columns as ColumnRule[]).map(place)))
  return { slipway: 'plan/2', pipeline, ...(parallel !== undefined && { parallel }), columns, steps: packed }
}

/** A stored plan, checked. Those of 0.6 and before are stored as they are. */
export function unpackPlan(stored: unknown): Plan {
  if ((stored as { slipway?: unknown }).slipway === 'plan/1') return Plan.parse(stored)
  const { pipeline, parallel, columns, steps } = StoredPlan.parse(stored)
  const schemaOf = (places: unknown): unknown => Places.parse(places).map((at) => columns[at])
  const unpacked = steps.map((step) => withSchemas(step, schemaOf))
  return Plan.parse({ slipway: 'plan/1', pipeline, ...(parallel !== undefined && { parallel }), steps: unpacked })
}

/** A step whose schemas are written another way. Which fields hold one, its kind says. */
function withSchemas(
  step: Readonly<Record<string, unknown>>,
  change: (schema: unknown) => unknown,
): Record<string, unknown> {
  const schemas = findKind(String(step.kind))?.schemas ?? []
  return { ...step, ...Object.fromEntries(schemas.map((field) => [field, change(step[field])])) }
}
