import { executeChild, proxyActivities, upsertSearchAttributes } from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'
import { exitCodes } from '../pipelines/errors.ts'
import type { StepOutline } from '../pipelines/plan-outline.ts'
import type { RolloutRecord } from '../pipelines/records.ts'
import { describeStrategy } from '../pipelines/rollout.ts'
import type { Variant } from '../pipelines/route.ts'
import type { StepOutcome } from '../pipelines/step-inputs.ts'
import { startRollout } from '../stats/rollout.ts'
import { attributes } from './attributes.ts'
import { rolloutWorkflowId } from './messages.ts'
import { briefly, readingBack } from './options.ts'
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
    const { requestRouteChange } = proxyActivities<Activities>({ ...readingBack, summary: `open ${endpoint}` })
    const reason = `run ${state.input.runId}: the first version`
    const { gateways, mismatch } = await requestRouteChange({
      endpoint,
      change: { kind: 'open', variant: candidate },
      reason,
    })
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
  const record = await executeChild<typeof runRollout>('runRollout', {
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
  state.rolloutId = null
  const { outcome, reason, seconds, requests, harmed } = record
  state.rollout = { id, endpoint, outcome, reason, seconds, requests, harmed }
  if (outcome === 'promoted') promoted()
  done(`${outcome} after ${seconds.toFixed(0)} s: ${reason}`)
  upsertSearchAttributes([{ key: attributes.verdict, value: outcome }])
  return stopOf(record, step.id)
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
