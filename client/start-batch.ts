import { userInfo } from 'node:os'
import { WorkflowFailedError } from '@temporalio/client'
import { ApplicationFailure } from '@temporalio/common'
import { batchId, partitionAt } from '../lib/formats/batch-policy.ts'
import type { BatchRequest } from '../lib/formats/batch-request.ts'
import { inConsole } from '../lib/formats/console-link.ts'
import { isErrorCode, SlipwayError } from '../lib/formats/errors.ts'
import { listBatchDefinitions, readBatchDefinition } from '../lib/store/batches.ts'
import { consoleAddress } from '../workers/settings.ts'
import { type BatchResult, batchWorkflowId, taskQueue } from '../workflows/messages.ts'
import type { ClientContext } from './context.ts'
import { resultOf } from './follow.ts'

/** A batch that is being scored. */
export interface BegunBatch {
  /** `flights/nightly/2001-06-01` */
  readonly batch: string
  /** Its day or hour, as `batches.get` takes it. */
  readonly partition: string
  readonly workflowId: string
}

/** Which day or hour of a batch is scored. */
export interface BatchWanted {
  /** The time whose day or hour is scored, now by default. */
  readonly at?: Date
  /** Score it anew, though the very same was published before. */
  readonly redo?: boolean
}

/**
 * Starts a batch of a pipeline, or finds the one of the same day or hour that is under way.
 * @throws SlipwayError NOT_FOUND where the pipeline has no such batch
 */
export async function startBatch(
  context: ClientContext,
  owner: string,
  name: string,
  { at = new Date(), redo = false }: BatchWanted = {},
): Promise<BegunBatch> {
  const definition = await readBatchDefinition(context.store, owner, name)
  if (definition === undefined) {
    const known = (await listBatchDefinitions(context.store)).map((each) => `${each.owner} ${each.name}`)
    throw new SlipwayError(
      'NOT_FOUND',
      `there is no batch "${owner} ${name}"${known.length === 0 ? '' : `; there is ${known.join(', ')}`}`,
      {
        next: `add p.batch(live, '${name}', { … }) to pipeline ${owner} and run it; or: slipway batch score ${owner} --from … --to …`,
      },
    )
  }
  const slot = partitionAt(definition.policy, at)
  return beginBatch(context, { owner, name, slot, redo, by: userInfo().username, adHoc: null })
}

/** Has a batch be scored, or finds the one of the same partition that is. */
export async function beginBatch(
  context: ClientContext,
  request: BatchRequest & { readonly slot: string },
): Promise<BegunBatch> {
  const { owner, name, slot } = request
  const { client } = await context.temporal()
  const batch = batchId(owner, name, slot)
  const workflowId = batchWorkflowId(owner, name, slot)
  await client.workflow.start('scoreBatch', {
    workflowId,
    workflowIdConflictPolicy: 'USE_EXISTING',
    taskQueue,
    args: [request],
    staticSummary: `batch ${batch}`,
    ...inConsole(consoleAddress(context.settings.root), `/batches/${owner}/${name}/${slot}`),
  })
  return { batch, partition: slot, workflowId }
}

/**
 * Waits for the end of a batch; it goes on without us.
 * @throws SlipwayError what it failed with, as it was thrown in the worker
 */
export async function batchEnd(
  { temporal }: ClientContext,
  { batch, workflowId }: Pick<BegunBatch, 'batch' | 'workflowId'>,
): Promise<BatchResult> {
  const { client } = await temporal()
  return (resultOf(client.workflow.getHandle(workflowId), `batch ${batch}`) as Promise<BatchResult>).catch((error) => {
    throw errorOf(error)
  })
}

function errorOf(error: unknown): unknown {
  if (!(error instanceof WorkflowFailedError)) return error
  for (let cause: unknown = error.cause; cause instanceof Error; cause = cause.cause) {
    if (!(cause instanceof ApplicationFailure) || !isErrorCode(cause.type)) continue
    const { next } = (cause.details?.[0] ?? {}) as { next?: string | null }
    return new SlipwayError(cause.type, cause.message, { next: next ?? undefined })
  }
  return new SlipwayError('CANCELLED', `the batch ended: ${error.cause?.message ?? error.message}`, {
    next: 'look at it in the Temporal web UI; what was scored is kept',
  })
}
