import {
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  proxyActivities,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'
import type { RolloutRecord } from '../lib/formats/records.ts'
import { labelErrorsRule } from '../lib/formats/rollout-policy.ts'
import { type Circumstances, nextMove, waitsForApproval } from '../lib/stats/next-move.ts'
import { enterNextStage, observe, observeLabels, pause, tick } from '../lib/stats/rollout.ts'
import { decide } from '../lib/stats/rollout-decision.ts'
import { lookEvery } from '../lib/stats/rollout-lease.ts'
import { type Owners, openOwners } from './ask-owner.ts'
import { attributes } from './attributes.ts'
import { holdOf, letGo } from './hold.ts'
import type { RouteOrder } from './messages.ts'
import { briefly } from './options.ts'
import { stageInWords } from './rollout-details.ts'
import { answerPeople, type Going, goingOf, note, show, stageOf } from './rollout-going.ts'
import type { RolloutInput } from './rollout-input.ts'

/**
 * Moves an endpoint from its champion to a candidate, or back. Every few seconds it takes in the evidence of those who
 * serve, asks the policy (`lib/stats/rollout.ts`, `next-move.ts`) what follows, and has the owner of the endpoint do
 * it. What it decides rests on stored evidence alone, and can be recomputed from it.
 */
export async function runRollout(input: RolloutInput): Promise<RolloutRecord> {
  const going = goingOf(input)
  const owners = openOwners()
  const { candidate } = input
  let isCancelled = false
  answerPeople(going)
  upsertSearchAttributes([
    { key: attributes.pipeline, value: input.pipeline },
    { key: attributes.model, value: `${candidate.model}@${candidate.version}` },
  ])
  try {
    if (input.progress === undefined) await begin(going, owners)
    while (going.outcome === undefined) {
      await condition(() => going.wish !== undefined, lookEvery(going.state.now - going.state.startedAt))
      await move(going, owners, await look(going))
      going.seq++
      if (going.outcome === undefined && isOld()) await goOnAsNew(going)
    }
  } catch (error) {
    if (!isCancellation(error)) throw error
    isCancelled = true
    note(going, 'rollback', 'the run was cancelled')
    going.outcome = 'rolled back'
  }
  return CancellationScope.nonCancellable(async () => {
    await giveBack(going, owners, isCancelled)
    return record(going)
  })
}

const isOld = (): boolean => workflowInfo().continueAsNewSuggested || workflowInfo().historyLength > 8_000

function goOnAsNew({ input, cursors, state, ...going }: Going): Promise<never> {
  const { seq, last, decisions, paused, approvedBy, judged } = going
  return continueAsNew<typeof runRollout>({
    ...input,
    cursors,
    state,
    progress: { seq, last, decisions, paused, approvedBy, judged },
  })
}

/** Puts on record what the rollout begins with, and makes the route its own where it is not yet. */
async function begin(going: Going, owners: Owners): Promise<void> {
  const { id, endpoint, run, champion, candidate, policy, begun } = going.input
  const { startedAt } = going.state
  const { beginRollout } = proxyActivities<Activities>({ ...briefly, summary: `begin rollout ${id}` })
  await beginRollout({
    id,
    endpoint,
    run,
    champion,
    candidate,
    policy,
    startedAt: new Date(startedAt).toISOString(),
    state: going.state,
  })
  const mismatch =
    begun === undefined
      ? await setTraffic(going, owners, `version ${champion.version} → ${candidate.version} begins`)
      : begun.mismatch
  note(going, 'advance', mismatch ?? `begins: ${stageInWords(stageOf(going))}`)
  if (mismatch !== null) endByMismatch(going, mismatch)
}

/** Takes in what came since the last look. @returns why the route is not the rollout's any more; null while it is */
async function look(going: Going): Promise<string | null> {
  const { input, seq, cursors, last: before, judged } = going
  const { id: rollout, endpoint, target, policy, candidate } = input
  const rule = labelErrorsRule(policy)
  const summary = `evidence ${seq} • ${stageInWords(stageOf(going))}`
  const { collectEvidence } = proxyActivities<Activities>({ ...briefly, summary })
  const evidence = await collectEvidence({
    rollout,
    endpoint,
    target,
    seq,
    cursors,
    before,
    since: going.state.startedAt,
    labels: rule === undefined ? null : { rule, candidate: candidate.version, judged },
  })
  going.cursors = evidence.cursors
  going.state = pause(going.state, evidence.unwatched ?? 0)
  for (const block of evidence.blocks) going.state = observe(policy, going.state, block)
  for (const block of evidence.mistakes ?? []) going.state = observeLabels(policy, going.state, block)
  going.judged = evidence.judged ?? judged
  going.state = tick(going.state, evidence.at)
  return evidence.taken
}

/** Does what follows from the evidence and from what people asked for. */
async function move(going: Going, owners: Owners, taken: string | null): Promise<void> {
  const { endpoint, policy } = going.input
  const decision = decide(policy, going.state)
  const circumstances: Circumstances = {
    endpoint,
    taken,
    wish: going.wish,
    approvedBy: going.approvedBy,
    paused: going.paused ? going.reason : null,
    approval: policy.approval?.role ?? null,
  }
  going.verdicts = decision.verdicts
  going.waitsForApproval = waitsForApproval(decision, circumstances)
  going.wish = undefined
  const { action, reason, by, outcome } = nextMove(decision, circumstances)
  note(going, action, reason, by)
  going.outcome = outcome ?? undefined
  if (action !== 'advance') return
  going.state = enterNextStage(going.state)
  const mismatch = await setTraffic(going, owners, reason)
  if (mismatch !== null) endByMismatch(going, mismatch)
}

/** A split that is not the one asked for is an alarm, never a success. */
function endByMismatch(going: Going, mismatch: string): void {
  note(going, 'rollback', mismatch)
  going.outcome = 'rolled back'
}

/** Asks the owner of the endpoint. @returns why what serves does not apply it, if it does not */
async function setTraffic(going: Going, owners: Owners, why: string): Promise<string | null> {
  const { id, endpoint, candidate, policy } = going.input
  const stage = stageOf(going)
  const order: RouteOrder = {
    change:
      going.decisions.length === 0
        ? { kind: 'begin', rollout: holdOf(id, candidate, policy, stage) }
        : { kind: 'traffic', rollout: id, mode: stage.mode, share: stage.share },
    reason: `rollout ${id}: ${why}`,
  }
  const { mismatch } = await owners.changeRoute(endpoint, order, `${stageInWords(stage)} • ${why}`.slice(0, 200))
  return mismatch
}

/** Gives the endpoint to who has won it, unless somebody took it away. */
async function giveBack(going: Going, owners: Owners, isHurried: boolean): Promise<void> {
  const { input, last, outcome } = going
  if (last?.by === 'somebody else') return
  const taken = await letGo(owners, input, outcome as RolloutRecord['outcome'], last?.reason ?? '', isHurried)
  if (taken === null) return
  going.outcome = 'rolled back'
  note(going, 'rollback', taken, 'somebody else')
}

/** Puts the end on record. */
async function record(going: Going): Promise<RolloutRecord> {
  const { input, state, seq, decisions, last } = going
  const { id, endpoint, run, champion, candidate, policy } = input
  const outcome = going.outcome as RolloutRecord['outcome']
  const { errors } = state.metrics
  const ended: RolloutRecord = {
    id,
    endpoint,
    run,
    champion,
    candidate,
    policy,
    outcome,
    decisions,
    reason: last?.reason ?? '',
    startedAt: new Date(state.startedAt).toISOString(),
    finishedAt: new Date(state.now).toISOString(),
    seconds: (state.now - state.startedAt) / 1000,
    requests: { champion: errors.champion.n, candidate: errors.candidate.n },
    harmed: Math.max(0, state.excess),
    evidence: seq,
  }
  const { endRollout } = proxyActivities<Activities>({ ...briefly, summary: `record rollout ${id}` })
  await endRollout(ended)
  upsertSearchAttributes([{ key: attributes.verdict, value: outcome }])
  show(going)
  return ended
}
