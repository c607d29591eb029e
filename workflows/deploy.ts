import {
  CancellationScope,
  isCancellation,
  proxyActivities,
  startChild,
  upsertSearchAttributes,
} from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'
import { errorCodes, exitCodes } from '../pipelines/errors.ts'
import type { StepOutline } from '../pipelines/plan-outline.ts'
import type { RolloutRecord } from '../pipelines/records.ts'
import { describeStrategy } from '../pipelines/rollout.ts'
import type { Variant } from '../pipelines/route.ts'
import type { StepOutcome } from '../pipelines/step-inputs.ts'
import { startRollout } from '../stats/rollout.ts'
import { attributes } from './attributes.ts'
import { refusalOf } from './failures.ts'
import { type RouteOrder, rolloutWorkflowId } from './messages.ts'
import { briefly } from './options.ts'
import type { runRollout } from './run-rollout.ts'
import { type RunState, type Stop, show } from './run-state.ts'

/**
 * Brings the registered version to its endpoint: at once where nothing is served yet, else by a rollout, a workflow of its own
 * and a child of the run.
 */
export async function deploy(
  state: RunState,
  step: StepOutline<'deploy'>,
  report: (outcome: StepOutcome, summary: string) => void,
): Promise<Stop | undefined> {
  const { model } = state
  if (model === null) throw new Error('a package is deployed that was not registered')
  const { endpoint, policy } = step
  const candidate: Variant = { model: model.name, version: model.version, digest: model.digest }
  const done = (summary: string, cached = false): void =>
    report({ stepKey: '', cached, outputs: [], facts: { summary } }, summary)
  const promoted = (): void => {
    state.model = { ...model, champion: true }
    show(state)
  }
  const { lookAtEndpoint } = proxyActivities<Activities>({ ...briefly, summary: `what ${endpoint} serves` })
  const before = await lookAtEndpoint({ endpoint, policy })
  if (before.route === null) {
    const order: RouteOrder = {
      change: { kind: 'open', variant: candidate },
      reason: `run ${state.input.runId}: the first version`,
    }
    const { gateways, mismatch } = await state.owners.changeRoute(endpoint, order, `open ${endpoint}`)
    promoted()
    done(
      `${endpoint} serves version ${model.version}, its first; ${mismatch ?? (gateways === 0 ? 'no gateway runs' : `${gateways} gateway${gateways === 1 ? '' : 's'}`)}`,
    )
    return undefined
  }
  if (before.route.champion.digest === candidate.digest) {
    promoted()
    done(`${endpoint} serves version ${model.version} already`, true)
    return undefined
  }
  const id = `${endpoint}-${state.input.runId.replace(`${state.plan.pipeline}-`, '')}`
  state.rolloutId = id
  upsertSearchAttributes([{ key: attributes.stage, value: 'rollout' }])
  show(state)
  const rollout = await startChild<typeof runRollout>('runRollout', {
    workflowId: rolloutWorkflowId(id),
    args: [
      {
        id,
        endpoint,
        pipeline: state.plan.pipeline,
        run: state.input.runId,
        champion: before.route.champion,
        candidate,
        policy,
        cursors: before.cursors,
        state: startRollout(Date.now(), before.history),
      },
    ],
    // A run that is cancelled takes its rollout back before it ends.
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    parentClosePolicy: 'REQUEST_CANCEL',
    staticSummary: `${endpoint} • version ${before.route.champion.version} → ${candidate.version}, ${describeStrategy(policy)}`,
  })
  let record: RolloutRecord
  try {
    record = await rollout.result()
  } catch (error) {
    const isPromoted = await takeBack(state, step, id, candidate)
    if (isCancellation(error)) throw error
    state.rolloutId = null
    if (!isPromoted) return brokenOff(error, step)
    promoted()
    done(`${endpoint} serves version ${model.version}; its rollout ${id} ended without a record`)
    return undefined
  }
  state.rolloutId = null
  const { outcome, reason, seconds, requests, harmed } = record
  state.rollout = { id, endpoint, outcome, reason, seconds, requests, harmed }
  if (outcome === 'promoted') promoted()
  done(`${outcome} after ${seconds.toFixed(0)} s: ${reason}`)
  upsertSearchAttributes([{ key: attributes.verdict, value: outcome }])
  return stopOf(record, step.id)
}

/**
 * Gives an endpoint back whose rollout has ended without doing so: it was terminated, or failed.
 * @returns whether the candidate had taken over before that
 */
function takeBack(
  { owners }: RunState,
  { endpoint, policy }: StepOutline<'deploy'>,
  rollout: string,
  candidate: Variant,
): Promise<boolean> {
  return CancellationScope.nonCancellable(async () => {
    const change = { kind: 'finish' as const, rollout, candidate, promote: false }
    const reason = `rollout ${rollout} ended without a record`
    try {
      await owners.changeRoute(endpoint, { change, reason }, `give ${endpoint} back`)
      return false
    } catch {
      // It is not the rollout's any more: what is served now says who has it.
      const { lookAtEndpoint } = proxyActivities<Activities>({ ...briefly, summary: `what ${endpoint} serves` })
      return (await lookAtEndpoint({ endpoint, policy })).route?.champion.digest === candidate.digest
    }
  })
}

/** How a run ends whose rollout has ended without a record. */
function brokenOff(error: unknown, { id: step, endpoint }: StepOutline<'deploy'>): Stop {
  const { code, message, next } = refusalOf(error)
  if (code !== 'CANCELLED')
    return { status: 'failed', exitCode: errorCodes[code], error: { code, message, step, next } }
  return {
    status: 'rolled back',
    exitCode: exitCodes.rolledBack,
    error: {
      code: 'ROLLED_BACK',
      message: `${endpoint}: the rollout was ended from outside: ${message}`,
      step,
      next: 'the champion serves everything; run it again to try once more',
    },
  }
}

/** How a run ends whose candidate did not take over. */
function stopOf({ outcome, reason, endpoint, id, seconds, harmed }: RolloutRecord, step: string): Stop | undefined {
  if (outcome === 'promoted') return undefined
  const isBack = outcome === 'rolled back'
  return {
    status: outcome,
    exitCode: isBack ? exitCodes.rolledBack : exitCodes.inconclusive,
    error: {
      code: isBack ? 'ROLLED_BACK' : 'ROLLOUT_INCONCLUSIVE',
      message: `${endpoint}: ${reason}${isBack ? ` (after ${seconds.toFixed(0)} s, ${harmed.toFixed(1)} requests harmed)` : ''}`,
      step,
      next: `the champion serves everything; see slipway explain ${id}`,
    },
  }
}
