import { setTimeout as sleep } from 'node:timers/promises'
import { ServiceError, WorkflowFailedError, type WorkflowHandle } from '@temporalio/client'
import { TerminatedFailure } from '@temporalio/common'
import { SlipwayError } from '../lib/formats/errors.ts'
import { RunRecord } from '../lib/formats/records.ts'
import { branchOf } from '../lib/formats/step-id.ts'
import { listRuns, readRun, withBranches } from '../lib/store/runs.ts'
import type { Store } from '../lib/store/store.ts'
import { progressQuery, type RunProgress, rolloutStatusQuery, rolloutWorkflowId } from '../workflows/messages.ts'
import type { ClientContext } from './context.ts'
import { reasonItRan } from './forecast.ts'
import type { ProgressView } from './progress.ts'
import { lookAtRun } from './under-way.ts'
import { unreachable } from './unreachable.ts'

/** Between two looks, ms: each takes a worker's time. */
const lookEvery = 500
/** Without an answer from a worker for this long, the user is told that there may be none. Milliseconds. */
const silence = 15_000

/**
 * Follows a run to its end. Workers, servers and this command may come and go meanwhile; the run goes on without us.
 * @param interrupt what ends the waiting, not the run
 * @throws SlipwayError INTERRUPTED
 */
export async function followRun(
  context: ClientContext,
  { runId, workflowId, pipeline }: Pick<RunRecord, 'runId' | 'workflowId' | 'pipeline'>,
  view: ProgressView,
  interrupt: { readonly happened: boolean },
): Promise<RunRecord> {
  const { client } = await context.temporal()
  const handle = client.workflow.getHandle(workflowId)
  const end = resultOf(handle, `run ${runId}`, () => !interrupt.happened).then((result) => RunRecord.parse(result))
  let shown = 0
  let lastAnswer = Date.now()
  let warned = false
  let waiting: string | undefined
  let toldElsewhere = 0
  let before: Promise<RunRecord | undefined> | undefined
  /** @param isWanted whether somebody still looks: a store that is away may have kept us long */
  const show = async (finished: RunProgress['finished'], isWanted: () => boolean): Promise<void> => {
    for (const report of finished.slice(shown)) {
      // Asked for when it is wanted, and again if the store was away: the run goes on, and so do we.
      before ??= runBefore(context.store, pipeline, runId)
      before.catch(() => {
        before = undefined
      })
      const previous = (await before)?.steps.find(({ name }) => name === report.name)?.stepKey
      const why =
        report.cached || report.stepKey === '' ? '' : await reasonItRan(context.store, previous, report.stepKey)
      if (!isWanted()) return
      shown++
      view.finished(report, why)
    }
  }
  let decided = 0
  const showRollout = async (id: string): Promise<void> => {
    const status = await client.workflow.getHandle(rolloutWorkflowId(id)).query(rolloutStatusQuery)
    if (isOver) return
    if (decided === 0) view.note(`  rollout ${id}: slipway rollout status ${status.endpoint}`)
    for (const { action, reason, stage, by } of status.decisions.slice(Math.max(1, decided)))
      view.note(`  ${stage.padEnd(12)} ${action}${by === undefined ? '' : ` by ${by}`}: ${reason}`)
    decided = Math.max(1, status.decisions.length)
    view.working(status.stage, status.reason, (status.stageNumber - 1) / status.stages)
  }
  const look = async (): Promise<void> => {
    const progress = await handle.query(progressQuery)
    lastAnswer = Date.now()
    warned = false
    await show(progress.finished, () => !isOver)
    if (isOver) return
    const now = waitsFor(progress, runId)
    if (now !== undefined && now !== waiting) view.note(`  ${now}`)
    waiting = now ?? waiting
    if (progress.rollout !== null) await showRollout(progress.rollout)
    const doneThere = progress.steps?.doneElsewhere ?? 0
    if (doneThere > toldElsewhere) view.note(`  ${doneThere} of ${progress.steps?.all} steps are done, of branches`)
    toldElsewhere = doneThere
    const moment = await lookAtRun(client, handle, progress)
    if (!isOver && moment !== undefined) view.working(moment.step, moment.what, moment.done)
  }
  let isOver = false
  try {
    await lookUntil(end, look, () => {
      if (interrupt.happened)
        throw new SlipwayError('INTERRUPTED', `stopped waiting; run ${runId} goes on`, {
          next: `slipway wait ${runId}`,
        })
      if (warned || Date.now() - lastAnswer < silence) return
      warned = true
      view.note('  no worker answers: the run waits for one (`slipway up` starts one)')
    })
  } finally {
    isOver = true
    view.end()
  }
  const record = await end.catch((error) => recordOfFailure(context, runId, error))
  await show(record.steps, () => true).catch(() => {
    for (const report of record.steps.slice(shown)) view.finished(report, '')
  })
  return record
}

/** What a run waits for, in words, and what can be done about it. */
function waitsFor({ waitingFor, waits }: RunProgress, runId: string): string | undefined {
  if (waitingFor === null) return waits ?? undefined
  const { role, until, anew, step } = waitingFor
  const about = step === undefined || branchOf(step) === '' ? '' : ` about ${branchOf(step)}`
  return `waits for ${role}${about} until ${until}${anew == null ? '' : ` (${anew})`}: slipway approve ${runId}`
}

/**
 * Looks again and again until something ends. A look may take long, while a server is away or no worker answers:
 * whether to go on is asked all the same.
 * @param goOn throws to stop the waiting
 */
export async function lookUntil(end: Promise<unknown>, look: () => Promise<void>, goOn: () => void): Promise<void> {
  let hasEnded = false
  const ended = end
    .catch(() => {})
    .then(() => {
      hasEnded = true
    })
  let isLooking = false
  while (!hasEnded) {
    goOn()
    if (!isLooking) {
      isLooking = true
      // No worker at the moment, or Temporal is away: what is looked at is not.
      void look()
        .catch(() => {})
        .finally(() => {
          isLooking = false
        })
    }
    await Promise.race([sleep(lookEvery), ended])
  }
}

/** The run of a pipeline before this one. */
async function runBefore(store: Store, pipeline: string, runId: string): Promise<RunRecord | undefined> {
  const before = (await listRuns(store, pipeline, 2)).find((run) => run.runId !== runId)
  return before && withBranches(store, before)
}

/** gRPC's statuses of a long wait that was cut short. */
const cutShort: readonly unknown[] = [1, 4]

/**
 * The result of a workflow that ends well. Times in which Temporal is away are ridden out as in any call.
 * @param what what goes on, for the words
 * @param isWanted whether somebody still waits for it
 * @throws SlipwayError TEMPORAL_UNREACHABLE when it stays away: the workflow goes on
 */
export async function resultOf(
  handle: Pick<WorkflowHandle, 'result'>,
  what: string,
  isWanted: () => boolean = () => true,
): Promise<unknown> {
  for (;;) {
    try {
      return await handle.result()
    } catch (error) {
      if (!(error instanceof ServiceError) || !isWanted()) throw error
      const away = unreachable(error)
      if (away !== undefined)
        throw new SlipwayError('TEMPORAL_UNREACHABLE', `${away.message}; ${what} goes on`, away.facts, { cause: error })
      if (!cutShort.includes((error.cause as { code?: unknown } | undefined)?.code)) throw error
      await sleep(lookEvery)
    }
  }
}

/** The record of a run that failed: from the failure itself, or the store. */
async function recordOfFailure({ store }: ClientContext, runId: string, error: unknown): Promise<RunRecord> {
  if (!(error instanceof WorkflowFailedError)) throw error
  const details = (error.cause as { details?: unknown[] } | undefined)?.details?.[0]
  const parsed = RunRecord.safeParse(details)
  if (parsed.success) return parsed.data
  const record = await readRun(store, runId)
  if (record !== undefined) return record
  if (error.cause instanceof TerminatedFailure)
    throw new SlipwayError('CANCELLED', `run ${runId} was terminated: nobody could write its record`, {
      next: 'run it again: finished steps are reused; slipway cancel ends a run in order',
    })
  throw new SlipwayError('INTERNAL', `run ${runId} ended without a record: ${error.cause?.message ?? error.message}`, {
    next: 'look at it in the Temporal web UI',
  })
}
