import { nearest } from '../lib/code/nearest.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { StepMaterial } from '../lib/formats/step-key.ts'
import { listRuns, readWholeRun } from '../lib/store/runs.ts'
import { readStepRecord } from '../lib/store/steps.ts'
import type { StoreContext } from './context.ts'
import { reasonItRan } from './forecast.ts'

/** Why a step of a run was reused or ran. */
export interface WhyDocument {
  readonly run: string
  readonly step: string
  readonly cached: boolean
  readonly reason: string
  /** The run before it of the same pipeline. */
  readonly comparedWith: string | null
  /** What its key is made of. */
  readonly material: StepMaterial | null
}

/**
 * Why a step was reused or ran, as `slipway why --json` prints it.
 * @param run of the last run that has such a step where none is named
 * @throws SlipwayError NOT_FOUND
 */
export async function readWhy({ store }: StoreContext, stepName: string, run?: string): Promise<WhyDocument> {
  const recent = await listRuns(store, undefined, 200)
  const record =
    run === undefined
      ? recent.find(({ steps }) => steps.some(({ name }) => name === stepName))
      : await readWholeRun(store, run)
  const step = record?.steps.find(({ name }) => name === stepName)
  if (record === undefined || step === undefined) {
    const names = [
      ...new Set((record === undefined ? recent : [record]).flatMap(({ steps }) => steps.map(({ name }) => name))),
    ]
    const meant = nearest(stepName, names)
    throw new SlipwayError(
      'NOT_FOUND',
      `no run has a step "${stepName}"; steps are ${names.join(', ') || 'none yet'}`,
      { next: meant === undefined ? 'see `slipway runs`' : `did you mean "${meant}"?` },
    )
  }
  const maker = await readStepRecord(store, step.stepKey)
  const before = recent.find(
    ({ runId, pipeline, startedAt }) =>
      pipeline === record.pipeline && runId !== record.runId && startedAt < record.startedAt,
  )
  const reason = step.cached
    ? `reused: nothing it depends on differs from run ${maker?.run}`
    : step.stepKey === ''
      ? `ran: ${step.summary}`
      : `ran: ${await reasonItRan(store, before?.steps.find(({ name }) => name === stepName)?.stepKey, step.stepKey)}`
  return {
    run: record.runId,
    step: stepName,
    cached: step.cached,
    reason,
    comparedWith: before?.runId ?? null,
    material: maker?.material ?? null,
  }
}
