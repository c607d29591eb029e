import type { PlannedPipeline } from '../lib/code/plan.ts'
import { checkTypes } from '../lib/code/type-check.ts'
import { nameOfStep } from '../lib/formats/step-names.ts'
import { type LookAt, rehearsalInWords, rehearsePlan } from './rehearsal.ts'

export interface CheckOptions {
  /** False leaves the types to the editor. */
  readonly types?: boolean
}

/**
 * Finds out what is wrong with a plan before anything is stored: the types beside the first rows of the sources and the
 * functions.
 * @returns what was checked, in sentences
 * @throws SlipwayError what the run would end with
 */
export async function checkPlan(
  root: string,
  planned: PlannedPipeline,
  lookAt: LookAt,
  { types = true }: CheckOptions,
): Promise<string[]> {
  const [checked, rehearsed] = await Promise.allSettled([
    types
      ? checkTypes(root, planned.plan.pipeline, planned.sources)
      : Promise.resolve('types: not checked, as you said'),
    rehearsePlan(root, planned, lookAt),
  ])
  // What the types say is nearer to the cause than what comes of it.
  if (checked.status === 'rejected') throw checked.reason
  if (rehearsed.status === 'rejected') throw rehearsed.reason
  const queries = planned.plan.steps.flatMap((step) =>
    step.kind === 'table' && step.sql !== undefined
      ? `${nameOfStep(step)}: its SQL makes the columns of its schema`
      : [],
  )
  return [...queries, ...rehearsed.value.map(rehearsalInWords), checked.value]
}
