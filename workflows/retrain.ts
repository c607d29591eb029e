import { executeChild, ParentClosePolicy, patched, proxyActivities, workflowInfo } from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'
import type { RetrainCause } from '../lib/formats/alerts.ts'
import { inConsole } from '../lib/formats/console-link.ts'
import { errorCodes } from '../lib/formats/errors.ts'
import type { RunRecord } from '../lib/formats/records.ts'
import { detailsOf, refusalOf } from './failures.ts'
import { type RetrainOutcome, type RunInput, runWorkflowId } from './messages.ts'
import { briefly, registration } from './options.ts'
import type { Refusal } from './owner-messages.ts'
import type { runPipeline } from './run-pipeline.ts'
import { become, type Supervision } from './supervision.ts'

/**
 * Runs a pipeline again for what asks for it now, and waits for its end. Whether the new model takes over is the run's
 * to say.
 */
export async function retrain(supervision: Supervision): Promise<RetrainOutcome> {
  const { pipeline, pending, retrainings } = supervision
  const startedAt = new Date().toISOString()
  const cause = inWords(pending)
  const run = runId(pipeline, startedAt, retrainings.length)
  const ended = (status: RunRecord['status'], why: string): RetrainOutcome => ({
    run,
    cause,
    startedAt,
    finishedAt: new Date().toISOString(),
    status,
    reason: why.slice(0, 1_000),
  })
  let input: RunInput | undefined
  supervision.run = run
  become(supervision, 'running', `${run}, because of ${cause}`)
  try {
    const { prepareRetraining } = proxyActivities<Activities>({ ...registration, summary: `prepare ${run}` })
    input = await prepareRetraining({ pipeline, run, cause, asOf: newestOutcome(pending) })
    const record = await executeChild<typeof runPipeline>('runPipeline', {
      workflowId: runWorkflowId(run),
      args: [input],
      // The run is not ours to end: it goes on if the supervisor is ended.
      parentClosePolicy: ParentClosePolicy.ABANDON,
      staticSummary: `${pipeline} • retraining: ${cause}`.slice(0, 200),
      ...inConsole(input.console, `/runs/${run}`),
    })
    return ended(record.status, record.error?.message ?? `version ${record.model?.version} took over`)
  } catch (error) {
    // A run that fails takes its record along; one that was ended from outside has none.
    const record = detailsOf(error) as Partial<RunRecord> | undefined
    const refusal = refusalOf(error)
    const status = record?.status ?? (refusal.code === 'CANCELLED' ? 'cancelled' : 'failed')
    if (record === undefined && input !== undefined && patched('record-of-a-run-that-was-ended')) {
      const { recordRun } = proxyActivities<Activities>({ ...briefly, summary: `record ${run}, which could not` })
      await recordRun(recordOf(input, startedAt, status, refusal))
    }
    return ended(status, refusal.message)
  }
}

/** `drift: psi > 0.2 (and 2 more)`. */
function inWords(causes: readonly RetrainCause[]): string {
  const [first] = causes as [RetrainCause]
  const words = causes.length === 1 ? first.reason : `${first.reason} (and ${causes.length - 1} more)`
  return `${first.kind}: ${words}`.slice(0, 1_000)
}

/** When the newest outcome that any of them knows of became known; null where none says. */
const newestOutcome = (causes: readonly RetrainCause[]): string | null =>
  causes
    .flatMap(({ asOf }) => asOf ?? [])
    .sort()
    .at(-1) ?? null

/** `flights-20261129-122202-da00`: when it began, this supervisor, and how many there were before. */
function runId(pipeline: string, startedAt: string, before: number): string {
  const time = startedAt.replaceAll(/[-:]/g, '').replace('T', '-').slice(0, 15)
  return `${pipeline}-${time}-${workflowInfo().runId.slice(0, 2)}${String(before % 100).padStart(2, '0')}`
}

/** The record of a run that was ended before it could write one; if it did, that one stays. */
function recordOf(input: RunInput, startedAt: string, status: RunRecord['status'], refusal: Refusal): RunRecord {
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
