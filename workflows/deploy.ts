import {
  CancellationScope,
  CancelledFailure,
  isCancellation,
  proxyActivities,
  startChild,
  upsertSearchAttributes,
} from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'
import { inConsole } from '../lib/formats/console-link.ts'
import { errorCodes, exitCodes } from '../lib/formats/errors.ts'
import { hostedTheSame } from '../lib/formats/hosting.ts'
import type { StepOutline } from '../lib/formats/plan-outline.ts'
import type { RolloutRecord } from '../lib/formats/records.ts'
import { describeStrategy } from '../lib/formats/rollout-policy.ts'
import { type ModelVersion, servedTheSame } from '../lib/formats/route.ts'
import type { StepOutcome } from '../lib/formats/step-inputs.ts'
import { stagesOf, startRollout } from '../lib/stats/rollout.ts'
import type { Stage } from '../lib/stats/rollout-metric.ts'
import { asksBySignal } from './ask-owner.ts'
import { attributes } from './attributes.ts'
import { refusalOf } from './failures.ts'
import { holdOf } from './hold.ts'
import type { Judgement } from './judging.ts'
import { type RouteOrder, type RouteOutcome, rolloutWorkflowId, type Stop } from './messages.ts'
import { briefly } from './options.ts'
import type { runRollout } from './run-rollout.ts'
import { type RunState, show } from './run-state.ts'
import { type Arrival, open, serveAgain, serveAnew } from './serve.ts'

type Report = (outcome: StepOutcome, summary: string) => void
/** What an endpoint served before. */
type Before = Pick<Awaited<ReturnType<typeof look>>, 'cursors' | 'history'> & { readonly champion: ModelVersion }

/**
 * Brings the registered version to its endpoint: at once where nothing is served yet, else by a rollout, a workflow of
 * its own and a child of the run. Rollouts of an endpoint go one after another.
 * @throws ApplicationFailure CHAMPION_MOVED when something else is in force than the version was judged against
 */
export async function deploy(
  state: RunState,
  step: StepOutline<'deploy'>,
  judgement: Judgement,
  report: Report,
): Promise<Stop | undefined> {
  const model = state.models.get(step.package)
  if (model === undefined) throw new Error('a package is deployed that was not registered')
  const { endpoint } = step
  const { lookups, hosting } = step
  const candidate: ModelVersion = {
    model: model.name,
    version: model.version,
    digest: model.digest,
    ...(lookups !== undefined && { lookups }),
    ...(hosting !== undefined && { hosting }),
  }
  const arrival: Arrival = { state, step, candidate, expect: judgement.inForce.champion }
  const done = (summary: string, cached = false): void => {
    report({ stepKey: '', cached, outputs: [], facts: { summary } }, summary)
  }
  const promoted = (): void => {
    state.models.set(step.package, { ...model, champion: true })
    show(state)
  }
  const before = await look(step)
  if (before.route === null) {
    const opened = await open(arrival)
    // Another run was quicker: its version is to be replaced, not joined.
    if (opened === null) return deploy(state, step, judgement, report)
    promoted()
    done(opened)
    return undefined
  }
  const { champion } = before.route
  const isThere = (): undefined => {
    promoted()
    done(`${endpoint} serves version ${model.version} already`, true)
  }
  if (champion.digest === candidate.digest && !servedTheSame(champion, candidate)) {
    const isHostedTheSame = hostedTheSame(champion, candidate)
    await serveAnew(arrival, isHostedTheSame)
    promoted()
    const changed = isHostedTheSame ? 'what it looks up' : 'how it is hosted'
    done(`${endpoint} serves version ${model.version} already; ${changed} was changed`)
    return undefined
  }
  if (champion.digest === candidate.digest) {
    // What is hosted may have failed since, and asks to be tried again.
    if (candidate.hosting !== undefined) await serveAgain(arrival)
    return isThere()
  }
  const id = `${endpoint}-${state.input.runId.replace(`${state.plan.pipeline}-`, '')}`
  let record: RolloutRecord
  try {
    const rollout = await start(arrival, id, { ...before, champion })
    if (rollout === null) return isThere()
    record = await rollout.result()
  } catch (error) {
    state.waits.delete(step.id)
    if (refusalOf(error).code === 'CHAMPION_MOVED') throw error
    const isPromoted = await takeBack(arrival, id, isCancellation(error))
    if (isCancellation(error)) throw error
    state.rollouts.delete(step.id)
    if (!isPromoted) return brokenOff(error, step)
    promoted()
    done(`${endpoint} serves version ${model.version}; its rollout ${id} ended without a record`)
    return undefined
  }
  state.rollouts.delete(step.id)
  const { outcome, reason, seconds, requests, harmed } = record
  state.rollout = { id, endpoint, outcome, reason, seconds, requests, harmed }
  if (outcome === 'promoted') promoted()
  done(`${outcome} after ${seconds.toFixed(0)} s: ${reason}`)
  upsertSearchAttributes([{ key: attributes.verdict, value: outcome }])
  // A rollout that was told to stop has given the endpoint back, and the run has been told the same.
  if (CancellationScope.current().consideredCancelled) throw new CancelledFailure('the run was cancelled')
  return stopOf(record, step.id)
}
/** What an endpoint serves, where its windows stand, and what its champion did lately. */
function look({ endpoint, policy, target }: StepOutline<'deploy'>) {
  const { lookAtEndpoint } = proxyActivities<Activities>({ ...briefly, summary: `what ${endpoint} serves` })
  return lookAtEndpoint({ endpoint, policy, target })
}

/** Windows of a gateway that a rollout takes in from before it began: it began while they were written. */
const windowsBefore = 60

/**
 * Has the route held for a rollout, which waits its turn, and starts the rollout.
 * @returns null when the candidate took over meanwhile
 */
async function start({ state, step, candidate, expect }: Arrival, id: string, before: Before) {
  const { endpoint, policy, target } = step
  let { cursors, history, champion } = before
  let begun: RouteOutcome | undefined
  if (asksBySignal()) {
    const summary = `version ${champion.version} → ${candidate.version} begins`
    const order: RouteOrder = {
      change: { kind: 'begin', rollout: holdOf(id, candidate, policy, stagesOf(policy)[0] as Stage), expect },
      target,
      reason: `rollout ${id}: ${summary}`,
    }
    begun = await state.owners.changeRoute(endpoint, order, summary, (other) => {
      state.waits.set(step.id, `waits for rollout ${other} of ${endpoint} to end: slipway rollout status ${endpoint}`)
      show(state)
    })
    champion = begun.route.champion
    if (champion.digest === candidate.digest) return null
    const now = await look(step)
    history = now.history
    cursors = Object.fromEntries(
      Object.entries(now.cursors).map(([gateway, next]) => [gateway, Math.max(0, next - windowsBefore)]),
    )
  }
  state.waits.delete(step.id)
  state.rollouts.set(step.id, id)
  upsertSearchAttributes([{ key: attributes.stage, value: 'rollout' }])
  show(state)
  return startChild<typeof runRollout>('runRollout', {
    workflowId: rolloutWorkflowId(id),
    args: [
      {
        id,
        endpoint,
        pipeline: state.plan.pipeline,
        run: state.input.runId,
        champion,
        candidate,
        policy,
        target,
        cursors,
        state: startRollout(Date.now(), history),
        ...(begun === undefined ? {} : { begun: { mismatch: begun.mismatch } }),
      },
    ],
    // A run that is cancelled takes its rollout back before it ends.
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    parentClosePolicy: 'REQUEST_CANCEL',
    staticSummary: `${endpoint} • version ${champion.version} → ${candidate.version}, ${describeStrategy(policy)}`,
    ...inConsole(state.input.console, `/endpoints/${endpoint}`),
  })
}

/**
 * Gives an endpoint back that a rollout holds, or waits for, which will not do so itself: it was terminated, it failed,
 * or has not begun.
 * @param isHurried the run was cancelled: the owner does it, and is not waited for long
 * @returns whether the candidate had taken over before that
 */
function takeBack({ state, step, candidate }: Arrival, rollout: string, isHurried: boolean): Promise<boolean> {
  const { endpoint } = step
  const { owners } = state
  return CancellationScope.nonCancellable(async () => {
    const order: RouteOrder = {
      change: { kind: 'finish', rollout, candidate, promote: false },
      target: step.target,
      reason: `rollout ${rollout}: its run ${isHurried ? 'was cancelled' : 'found it ended without a record'}`,
    }
    const summary = `give ${endpoint} back`
    try {
      if (isHurried) await owners.leaveToOwner(endpoint, order, summary)
      else await owners.changeRoute(endpoint, order, summary)
      return false
    } catch {
      // It is not the rollout's any more: what is served now says who has it.
      return isHurried ? false : (await look(step)).route?.champion.digest === candidate.digest
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
