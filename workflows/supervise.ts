import {
  allHandlersFinished,
  condition,
  continueAsNew,
  executeChild,
  ParentClosePolicy,
  patched,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'
import type { RetrainCause } from '../lib/formats/alerts.ts'
import { errorCodes } from '../lib/formats/errors.ts'
import type { RunRecord } from '../lib/formats/records.ts'
import { earliestRetraining } from '../lib/stats/retraining.ts'
import { attributes } from './attributes.ts'
import { detailsOf, refusalOf } from './failures.ts'
import {
  calmSignal,
  causeSignal,
  type Decision,
  pauseSupervisorUpdate,
  type RetrainOutcome,
  type RunInput,
  resumeSupervisorUpdate,
  runWorkflowId,
  type SupervisorState,
  type SupervisorStatus,
  supervisorStatusQuery,
} from './messages.ts'
import { briefly, registration } from './options.ts'
import type { NotCompilable } from './owner-messages.ts'
import type { runPipeline } from './run-pipeline.ts'

/** Keys of causes that are remembered, and outcomes that are. */
const remembered = { causes: 500, outcomes: 50 } as const
const nothing: SupervisorState = { pending: [], seen: [], paused: null, retrainings: [] }

/**
 * The supervisor of a pipeline: monitors, Alertmanager, schedules and people tell it why it should retrain. However many do at once,
 * one run begins; what is said while it goes on is answered by it. Between runs it keeps the cooldown, the budget and the quiet
 * hours of the definition. Whether the new model takes over is for gates and rollout to say. Lives for ever, by continue-as-new.
 */
export async function supervise(pipeline: string, carried: SupervisorState = nothing): Promise<void> {
  let pending: RetrainCause[] = [...carried.pending]
  let seen: string[] = [...carried.seen]
  let paused: Decision | null = carried.paused
  let retrainings: RetrainOutcome[] = [...carried.retrainings]
  let state: SupervisorStatus['state'] = 'idle'
  let reason = 'nothing calls for it'
  let run: string | null = null

  const show = (): void => {
    const last = retrainings.at(-1)
    setCurrentDetails(
      [
        `**${pipeline}**: ${state}, ${reason}`,
        ...(pending.length === 0
          ? []
          : ['## Asked for', '', ...pending.map((cause) => `- ${cause.kind}: ${cause.reason}`)]),
        ...(last === undefined ? [] : ['## Last', '', `- ${last.run}: ${last.status}, ${last.reason}`]),
      ]
        .join('\n\n')
        .slice(0, 16_000),
    )
  }
  const become = (next: SupervisorStatus['state'], why: string): void => {
    state = next
    reason = why
    upsertSearchAttributes([{ key: attributes.stage, value: next }])
    show()
  }
  setHandler(causeSignal, (cause) => {
    if (seen.includes(cause.key)) return
    seen = [...seen, cause.key].slice(-remembered.causes)
    pending = [...pending, cause]
    show()
  })
  setHandler(calmSignal, ({ endpoint }) => {
    pending = pending.filter(({ key }) => !key.startsWith(`${endpoint}:`))
    show()
  })
  setHandler(supervisorStatusQuery, () => ({ pipeline, state, reason, run, pending, retrainings }))
  setHandler(pauseSupervisorUpdate, (decision) => {
    paused = decision
    if (run === null) become('paused', `by ${decision.by}: ${decision.reason}`)
  })
  setHandler(resumeSupervisorUpdate, () => {
    paused = null
  })
  upsertSearchAttributes([{ key: attributes.pipeline, value: pipeline }])
  if (paused !== null) become('paused', `by ${(paused as Decision).by}: ${(paused as Decision).reason}`)

  const isOld = (): boolean => workflowInfo().continueAsNewSuggested || workflowInfo().historyLength > 2_000
  const { readSupervision } = proxyActivities<Activities>({ ...briefly, summary: `policy of ${pipeline}` })
  while (!isOld()) {
    await condition(() => (pending.length > 0 && paused === null) || isOld())
    if (pending.length === 0 || paused !== null) continue
    const policy = await readSupervision({ pipeline })
    if (policy === null) {
      become('idle', 'its definition has no p.monitor with retrain: nothing is done')
      pending = []
      continue
    }
    const past = retrainings.map(({ startedAt, finishedAt }) => ({
      startedAt: Date.parse(startedAt),
      finishedAt: Date.parse(finishedAt),
    }))
    const { at, why } = earliestRetraining(policy, past, Date.now())
    if (at > Date.now()) {
      become('waiting', `until ${new Date(at).toISOString()} for ${why}`)
      await condition(() => paused !== null || pending.length === 0, at - Date.now())
      if (pending.length === 0) become('idle', 'what asked for it has passed')
      continue
    }
    const causes = pending
    const outcome = await retrain(causes)
    retrainings = [...retrainings, outcome].slice(-remembered.outcomes)
    run = null
    // What was said meanwhile was about the model that has just been judged: who still means it says so again.
    pending = []
    if (paused === null) become('idle', `${outcome.run}: ${outcome.status}, ${outcome.reason}`)
  }
  await condition(allHandlersFinished)
  await continueAsNew<typeof supervise>(pipeline, { pending, seen, paused, retrainings })

  async function retrain(causes: readonly RetrainCause[]): Promise<RetrainOutcome> {
    const startedAt = new Date().toISOString()
    const [first] = causes as [RetrainCause]
    const words = causes.length === 1 ? first.reason : `${first.reason} (and ${causes.length - 1} more)`
    const cause = `${first.kind}: ${words}`.slice(0, 1_000)
    const ended = (id: string, status: RunRecord['status'], why: string): RetrainOutcome => ({
      run: id,
      cause,
      startedAt,
      finishedAt: new Date().toISOString(),
      status,
      reason: why.slice(0, 1_000),
    })
    let input: RunInput | undefined
    const id = `${pipeline}-${startedAt.replaceAll(/[-:]/g, '').replace('T', '-').slice(0, 15)}-${workflowInfo().runId.slice(0, 2)}${String(retrainings.length % 100).padStart(2, '0')}`
    run = id
    become('running', `${id}, because of ${cause}`)
    try {
      const { prepareRetraining } = proxyActivities<Activities>({ ...registration, summary: `prepare ${id}` })
      const asOf =
        causes
          .flatMap((each) => each.asOf ?? [])
          .sort()
          .at(-1) ?? null
      input = await prepareRetraining({ pipeline, run: id, cause, asOf })
      const record = await executeChild<typeof runPipeline>('runPipeline', {
        workflowId: runWorkflowId(id),
        args: [input],
        // The run is not ours to end: it goes on if the supervisor is ended.
        parentClosePolicy: ParentClosePolicy.ABANDON,
        staticSummary: `${pipeline} • retraining: ${cause}`.slice(0, 200),
      })
      return ended(id, record.status, record.error?.message ?? `version ${record.model?.version} took over`)
    } catch (error) {
      // A run that fails takes its record along; one that was ended from outside has none.
      const record = detailsOf(error) as Partial<RunRecord> | undefined
      const refusal = refusalOf(error)
      const status = record?.status ?? (refusal.code === 'CANCELLED' ? 'cancelled' : 'failed')
      if (record === undefined && input !== undefined && patched('record-of-a-run-that-was-ended')) {
        const { recordRun } = proxyActivities<Activities>({ ...briefly, summary: `record ${id}, which could not` })
        await recordRun(recordOf(input, startedAt, status, refusal))
      }
      return ended(id, status, refusal.message)
    }
  }
}

/** The record of a run that was ended before it could write one; if it did, that one stays. */
function recordOf(input: RunInput, startedAt: string, status: RunRecord['status'], refusal: NotCompilable): RunRecord {
  const { runId, pipeline, planDigest, origin } = input
  const { code, message, next } = refusal
  return {
    runId,
    workflowId: runWorkflowId(runId),
    pipeline,
    status,
    exitCode: errorCodes[code],
    plan: { digest: planDigest },
    steps: [],
    gates: [],
    model: null,
    metrics: {},
    rollout: null,
    error: { code, message, step: null, next },
    startedAt,
    finishedAt: new Date().toISOString(),
    origin: { ...origin },
  }
}
