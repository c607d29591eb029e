import {
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'
import type { RolloutDecision, RolloutRecord } from '../lib/formats/records.ts'
import { labelErrorsRule } from '../lib/formats/rollout-policy.ts'
import type { Block, LabelBlock } from '../lib/stats/block.ts'
import { enterNextStage, observe, observeLabels, type RolloutState, stagesOf, tick } from '../lib/stats/rollout.ts'
import { decide, type MetricVerdict } from '../lib/stats/rollout-decision.ts'
import type { Stage } from '../lib/stats/rollout-metric.ts'
import { openOwners } from './ask-owner.ts'
import { attributes } from './attributes.ts'
import { holdOf, letGo } from './hold.ts'
import {
  abortUpdate,
  approveRolloutUpdate,
  claimant,
  type Decision,
  pauseUpdate,
  promoteUpdate,
  type RolloutStatus,
  type RouteOrder,
  resumeUpdate,
  rolloutStatusQuery,
} from './messages.ts'
import { briefly, lookEvery } from './options.ts'
import { rolloutDetails, stageInWords } from './rollout-details.ts'
import type { RolloutInput } from './rollout-input.ts'

/** What a person asked for. */
type Wish = Decision & { readonly action: 'promote' | 'rollback' }

/**
 * Moves an endpoint from its champion to a candidate, or back. Every few seconds it takes in the evidence of the gateways, asks
 * the policy (`lib/stats/rollout.ts`) what follows, and has the owner of the endpoint do it. What it decides rests on stored
 * evidence alone, and can be recomputed from it.
 */
export async function runRollout(input: RolloutInput): Promise<RolloutRecord> {
  const { id, endpoint, policy, champion, candidate } = input
  const stages = stagesOf(policy)
  const rule = labelErrorsRule(policy)
  let state: RolloutState = input.state
  let { cursors } = input
  let { seq, last, paused, approvedBy } = input.progress ?? { seq: 0, last: null, paused: false, approvedBy: null }
  let judged = input.progress?.judged ?? 0
  const decisions: RolloutDecision[] = [...(input.progress?.decisions ?? [])]
  let reason = 'starting'
  const owners = openOwners()
  let verdicts: readonly MetricVerdict[] = []
  let waitsForApproval = false
  let wish: Wish | undefined
  let outcome: RolloutRecord['outcome'] | undefined
  let isCancelled = false

  const status = (): RolloutStatus => ({
    id,
    endpoint,
    champion,
    candidate,
    stage: stageInWords(stages[state.stage] as Stage),
    stageNumber: state.stage + 1,
    stages: stages.length,
    paused,
    waitingForApproval: waitsForApproval ? (policy.approval?.role ?? null) : null,
    reason,
    verdicts,
    seconds: (state.now - state.startedAt) / 1000,
    decisions,
    outcome: outcome ?? null,
  })
  const show = (): void => {
    setCurrentDetails(rolloutDetails(status()))
  }
  setHandler(rolloutStatusQuery, status)
  setHandler(pauseUpdate, ({ by, reason: why }) => {
    paused = true
    reason = `paused by ${by}: ${why}`
    show()
  })
  setHandler(resumeUpdate, () => {
    paused = false
  })
  setHandler(approveRolloutUpdate, (decision) => {
    approvedBy = claimant(decision, policy.approval?.role ?? 'somebody')
  })
  const ask = (action: Wish['action']) => (decision: Decision) => {
    wish = { ...decision, action }
  }
  setHandler(promoteUpdate, ask('promote'))
  setHandler(abortUpdate, ask('rollback'))
  upsertSearchAttributes([
    { key: attributes.pipeline, value: input.pipeline },
    { key: attributes.model, value: `${candidate.model}@${candidate.version}` },
  ])

  /** Asks the owner of the endpoint. @returns why gateways do not apply it, if they do not */
  const setTraffic = async (stage: Stage, why: string): Promise<string | null> => {
    const first = decisions.length === 0
    const order: RouteOrder = {
      change: first
        ? { kind: 'begin', rollout: holdOf(id, candidate, policy, stage) }
        : { kind: 'traffic', rollout: id, mode: stage.mode, share: stage.share },
      reason: `rollout ${id}: ${why}`,
    }
    const { mismatch } = await owners.changeRoute(endpoint, order, `${stageInWords(stage)} • ${why}`.slice(0, 200))
    return mismatch
  }
  const note = (action: RolloutDecision['action'], why: string, by?: string): void => {
    last = {
      seq,
      at: new Date(state.now).toISOString(),
      stage: stageInWords(stages[state.stage] as Stage),
      action,
      reason: why,
      ...(by === undefined ? {} : { by }),
    }
    if (action !== 'hold') decisions.push(last)
    reason = why
    upsertSearchAttributes([{ key: attributes.stage, value: last.stage }])
    show()
  }

  try {
    if (input.progress === undefined) {
      const { beginRollout } = proxyActivities<Activities>({ ...briefly, summary: `begin rollout ${id}` })
      await beginRollout({
        id,
        endpoint,
        run: input.run,
        champion,
        candidate,
        policy,
        startedAt: new Date(state.startedAt).toISOString(),
        state: state as never,
      })
      const mismatch =
        input.begun === undefined
          ? await setTraffic(stages[0] as Stage, `version ${champion.version} → ${candidate.version} begins`)
          : input.begun.mismatch
      note('advance', mismatch ?? `begins: ${stageInWords(stages[0] as Stage)}`)
      if (mismatch !== null) {
        note('rollback', mismatch)
        outcome = 'rolled back'
      }
    }
    while (outcome === undefined) {
      await condition(() => wish !== undefined, lookEvery(state.now - state.startedAt))
      const { collectEvidence } = proxyActivities<Activities>({
        ...briefly,
        summary: `evidence ${seq} • ${status().stage}`,
      })
      const evidence = await collectEvidence({
        rollout: id,
        endpoint,
        seq,
        cursors,
        before: last,
        since: state.startedAt,
        labels: rule === undefined ? null : { rule, candidate: candidate.version, judged },
      })
      cursors = evidence.cursors
      for (const block of evidence.blocks as unknown as Block[]) state = observe(policy, state, block)
      for (const block of (evidence.mistakes ?? []) as unknown as LabelBlock[])
        state = observeLabels(policy, state, block)
      judged = evidence.judged ?? judged
      state = tick(state, evidence.at)
      const decision = decide(policy, state)
      verdicts = decision.verdicts
      if (evidence.taken !== null) {
        note('rollback', `taken from the route by somebody else: ${evidence.taken}`, 'somebody else')
        outcome = 'rolled back'
      } else if (wish !== undefined) {
        const { action, by, reason: why } = wish
        wish = undefined
        note(action, `${why} (by hand)`, by)
        outcome = action === 'promote' ? 'promoted' : 'rolled back'
      } else if (decision.action === 'rollback' || decision.action === 'inconclusive') {
        note(decision.action, decision.reason)
        outcome = decision.action === 'rollback' ? 'rolled back' : 'inconclusive'
      } else if (decision.action === 'hold' || paused) {
        note('hold', paused ? reason : decision.reason, paused && decision.action !== 'hold' ? 'a pause' : undefined)
      } else if (decision.action === 'promote' && policy.approval !== null && approvedBy === null) {
        waitsForApproval = true
        note(
          'hold',
          `waits for the approval of ${policy.approval.role}: slipway rollout approve ${endpoint}`,
          policy.approval.role,
        )
      } else if (decision.action === 'promote') {
        waitsForApproval = false
        note('promote', approvedBy === null ? decision.reason : `${decision.reason}; approved by ${approvedBy}`)
        outcome = 'promoted'
      } else {
        note('advance', decision.reason)
        state = enterNextStage(state)
        const mismatch = await setTraffic(stages[state.stage] as Stage, decision.reason)
        if (mismatch !== null) {
          // A split that is not the one asked for is an alarm, never a success.
          note('rollback', mismatch)
          outcome = 'rolled back'
        }
      }
      seq++
      if (outcome === undefined && (workflowInfo().continueAsNewSuggested || workflowInfo().historyLength > 8_000)) {
        await continueAsNew<typeof runRollout>({
          ...input,
          cursors,
          state,
          progress: { seq, last, decisions, paused, approvedBy, judged },
        })
      }
    }
  } catch (error) {
    if (!isCancellation(error)) throw error
    outcome = 'rolled back'
    isCancelled = true
    note('rollback', 'the run was cancelled')
  }
  return CancellationScope.nonCancellable(async () => {
    let ended = outcome as RolloutRecord['outcome']
    if (last?.by !== 'somebody else') {
      const taken = await letGo(owners, input, ended, last?.reason ?? '', isCancelled)
      if (taken !== null) {
        ended = 'rolled back'
        note('rollback', taken, 'somebody else')
      }
    }
    return finish(input, state, ended, seq, decisions, last, show)
  })
}

/** Puts the end on record. */
async function finish(
  { id, endpoint, run, champion, candidate, policy }: RolloutInput,
  state: RolloutState,
  outcome: RolloutRecord['outcome'],
  seq: number,
  decisions: RolloutDecision[],
  last: RolloutDecision | null,
  show: () => void,
): Promise<RolloutRecord> {
  const reason = last?.reason ?? ''
  const { errors } = state.metrics
  const record: RolloutRecord = {
    id,
    endpoint,
    run,
    champion,
    candidate,
    policy,
    outcome,
    reason,
    startedAt: new Date(state.startedAt).toISOString(),
    finishedAt: new Date(state.now).toISOString(),
    seconds: (state.now - state.startedAt) / 1000,
    requests: { champion: errors.champion.n, candidate: errors.candidate.n },
    harmed: Math.max(0, state.excess),
    decisions,
    evidence: seq,
  }
  const { endRollout } = proxyActivities<Activities>({ ...briefly, summary: `record rollout ${id}` })
  await endRollout(record)
  upsertSearchAttributes([{ key: attributes.verdict, value: outcome }])
  show()
  return record
}
