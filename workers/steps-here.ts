import type { Client } from '@temporalio/client'
import { MockActivityEnvironment } from '@temporalio/testing'
import { DefaultLogger } from '@temporalio/worker'
import { createActivities } from '../activities/index.ts'
import { type ActivityDeps, type StepOrder, thrownAs } from '../activities/step.ts'
import { SlipwayError, withoutFull } from '../lib/formats/errors.ts'
import type { Plan, Step } from '../lib/formats/plan.ts'
import { outlineOf, type PlanOutline, type StepOutline } from '../lib/formats/plan-outline.ts'
import { hasMaskedColumn } from '../lib/formats/row-schema.ts'
import { allOf, inputsOf, type StepInputs, type StepOutcome, stepOf } from '../lib/formats/step-inputs.ts'
import { kindOf } from '../lib/formats/step-kinds/index.ts'
import { type OrderedStep, orderOf } from '../lib/formats/step-order.ts'
import { tuneHere } from './tune-here.ts'

/** A plan whose steps are carried out in this process. */
export interface PlanHere {
  readonly plan: Plan
  readonly planDigest: string
  readonly runId: string
  /** Contents of the sources in the store, and snapshots to use instead, by step. */
  readonly sources: Readonly<Record<string, string>>
  readonly snapshots: Readonly<Record<string, string>>
}

/** What carries the steps of a plan out. */
export interface StepsHere {
  readonly outline: PlanOutline
  /** What the steps made so far, by id; who carries one out keeps it here. */
  readonly outcomes: Map<string, StepOutcome>
  readonly activities: ReturnType<typeof createActivities>
  does<Order, Made>(activity: (order: Order) => Promise<Made>, order: Order): Promise<Made>
  /** @param as the step to carry out in the place of the plan's own */
  carryOut(step: StepOutline, as?: Step): Promise<StepOutcome>
  /** Chooses parameters. @param trials how many to begin, where a bound of time or cost is not to say so */
  tune(step: StepOutline<'tune'>, trials?: number): Promise<StepOutcome>
  /** Judges a candidate; where a gate compares with another model, that one is scored on the same rows first. */
  judge(step: StepOutline<'gate'>, opponent: string | null, as?: Step): Promise<StepOutcome>
  /** Ends what is under way for good, and all that is asked for later. */
  cancel(): void
}

/**
 * Carries out steps of a plan in this process by the activities of a worker, without Temporal: those that ask no
 * workflow. They fail with errors of ours.
 */
export function stepsHere(
  deps: Omit<ActivityDeps, 'client' | 'sources' | 'outputs' | 'alerts' | 'scoringThreads'>,
  run: PlanHere,
  onProgress: (step: string, what: string, done: number) => void = () => {},
): StepsHere {
  const activities = createActivities({
    ...deps,
    client: undefined as unknown as Client,
    sources: undefined,
    outputs: undefined,
    alerts: undefined,
    scoringThreads: 1,
  })
  // A failure is whoever asked's to tell; its own logger would print our stack.
  const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR', () => {}) })
  environment.on('heartbeat', (beat: { step: string; what: string; done: number }) =>
    onProgress(beat.step, beat.what, beat.done),
  )
  const outline = outlineOf(run.plan)
  const hasMasked = run.plan.steps.some((step) => 'schema' in step && hasMaskedColumn(step.schema))
  const outcomes = new Map<string, StepOutcome>()
  const facts = { ...run, pipeline: outline.pipeline }
  const does: StepsHere['does'] = async (activity, order) => {
    try {
      return await environment.run(activity, order)
    } catch (error) {
      // What an activity fails with is for Temporal.
      const thrown = thrownAs(error)
      throw thrown instanceof SlipwayError ? (hasMasked ? withoutFull(thrown) : thrown) : error
    }
  }
  const give = (step: StepOutline, inputs: StepInputs, as: Step | undefined): Promise<StepOutcome> => {
    const name = kindOf(step).activity?.name as keyof typeof activities
    const activity = activities[name] as (order: object) => Promise<StepOutcome>
    const order: OrderedStep = orderOf(facts, step, inputs, outcomes)
    return does(activity, as === undefined ? order : { ...order, step: as })
  }
  const tune = (step: StepOutline<'tune'>, trials?: number): Promise<StepOutcome> => {
    const order = orderOf(facts, step, inputsOf(outline, step, outcomes), outcomes) as StepOrder<'tune'>
    return tuneHere(activities, does, { step, order, trials }, onProgress)
  }
  return {
    outline,
    outcomes,
    activities,
    does,
    carryOut: (step, as) => (step.kind === 'tune' ? tune(step) : give(step, inputsOf(outline, step, outcomes), as)),
    tune,
    cancel: () => environment.cancel('CANCELLED'),
    async judge(step, opponent, as) {
      const inputs = inputsOf(outline, step, outcomes)
      if (!step.againstChampion || opponent === null) return give(step, inputs, as)
      const evaluation = stepOf(outline, step.evaluation, 'evaluate')
      const other = { digest: opponent, mediaType: '', size: 0 }
      const scored = await give(evaluation, { ...inputsOf(outline, evaluation, outcomes), package: other }, undefined)
      return give(step, { ...inputs, ...allOf('opponent', scored) }, as)
    },
  }
}
