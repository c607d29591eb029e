import { z } from 'zod'
import { Name } from './step-id.ts'
import { type Step, stepKinds } from './step-kinds/index.ts'

export { CodeRef, Task } from './code-ref.ts'
export type { SplitRule } from './split-rule.ts'
export { isLearning, type Step, type StepKind, type StepOf } from './step-kinds/index.ts'

const shapes = Object.values(stepKinds).map(({ shape }) => shape)
const [first, ...others] = shapes
// The table has the types; a union of what it lists is only `Step` to whoever reads it.
const AnyStep: z.ZodType<Step> = z.discriminatedUnion('kind', [first as NonNullable<typeof first>, ...others])

/** The serialisable half of a pipeline: the workflow's input. Steps stand in an order in which they can run. */
export const Plan = z.object({
  slipway: z.literal('plan/1'),
  pipeline: Name,
  /** How many steps of a run work at once, where the definition says so. */
  parallel: z.int().min(1).max(1_000).optional(),
  steps: z.array(AnyStep).min(1),
})
export type Plan = z.infer<typeof Plan>
