import { createHash } from 'node:crypto'
import { cancelRun, isGoingOn } from '../client/cancel.ts'
import type { ClientContext } from '../client/context.ts'
import { type RunDocument, runDocument } from '../client/run-document.ts'
import { findEndedRun } from '../client/runs.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { RunRecord } from '../lib/formats/records.ts'
import { type Answer, answerCallback } from '../lib/sagemaker/answer-callback.ts'
import type { AskedRun } from '../lib/sagemaker/callback-message.ts'
import type { SageMakerClients } from '../lib/sagemaker/clients.ts'
import { whyUnwanted } from '../lib/sagemaker/execution.ts'
import { type RunOptions, runAndShow } from './commands/run.ts'
import type { Interrupt } from './interrupt.ts'

/** What a callback step is answered with. */
export interface AskedRunDeps {
  readonly context: ClientContext
  readonly clients: Pick<SageMakerClients, 'sageMaker'>
  /** Ends the waiting, not the run. */
  readonly interrupt?: Interrupt
}

/** A run that was asked for. */
export interface CarriedOut {
  readonly runId: string
  readonly exitCode: number
  /** What became of it, where that was not shown while it went on. */
  readonly what: string
  /** What SageMaker was told. */
  readonly told: string
  /** Whether it was over before. */
  readonly hadEnded: boolean
  /** Why it was not begun, where it never can be. */
  readonly refusal?: SlipwayError
}

/**
 * Does what a callback step asks for, and answers it. A message that comes again names the same run: it is followed, or
 * answered from its record. None is begun for an execution that has ended, or is being stopped.
 * @throws SlipwayError where nothing was answered, because the run goes on or a server is away
 */
export async function carryOut(
  { context, clients, interrupt }: AskedRunDeps,
  asked: AskedRun,
  show: Pick<RunOptions, 'json' | 'quiet'>,
): Promise<CarriedOut> {
  const runId = runIdOf(asked)
  const answer = async (told: Answer): Promise<string> => inWords(told, await answerCallback(clients, asked, told))
  if (asked.isStopping) return stopAsked(context, runId, answer)
  const known = await findEndedRun(context, runId)
  if (known !== undefined) {
    const told = await answer(answerOf(known))
    return { runId, exitCode: known.exitCode, what: `run ${runId} had ended: ${known.status}`, told, hadEnded: true }
  }
  const unwanted = await whyUnwanted(clients, asked)
  // One that goes on all the same is followed: who wants it stopped says so by a message.
  if (unwanted !== undefined && !(await isGoingOn(context, runId))) {
    const told = await answer({ failure: `exit 130 CANCELLED: ${unwanted} (run ${runId} was not begun)` })
    return { runId, exitCode: 0, what: `run ${runId} was not begun: ${unwanted}`, told, hadEnded: true }
  }
  const options = { ...show, wait: true, runId, set: asked.set, ...(asked.asOf !== undefined && { asOf: asked.asOf }) }
  const ended = await runAndShow(context, asked.pipeline, options, interrupt).catch((error: unknown) => {
    // What will never run must not keep the pipeline waiting; a server that is away is another thing.
    if (!(error instanceof SlipwayError) || isForLater(error)) throw error
    return error
  })
  if (ended instanceof SlipwayError) {
    const { exitCode, code, message } = ended
    const told = await answer({ failure: `exit ${exitCode} ${code}: ${message}` })
    return { runId, exitCode, what: `run ${runId} was not begun`, told, hadEnded: false, refusal: ended }
  }
  // It was waited for: it has a record.
  const record = runDocument(ended.record as RunRecord)
  const told = await answer(answerOf(record))
  return { runId, exitCode: record.exitCode, what: `run ${runId} ended: ${record.status}`, told, hadEnded: false }
}

/** Whether the same message may fare better later: the run goes on, or nothing was begun for want of a server. */
const isForLater = ({ code, exitCode }: SlipwayError): boolean =>
  exitCode === 20 || code === 'INTERRUPTED' || code === 'WAIT_TIMED_OUT' || code === 'INTERNAL'

/** The run that a request is: the same for the same token. */
function runIdOf({ token, pipeline }: AskedRun): string {
  const digest = createHash('sha256').update(token).digest('hex')
  return `${pipeline}-sagemaker-${digest.slice(0, 12)}`
}

function answerOf(record: RunDocument): Answer {
  const { runId, status, exitCode, model, error, rollout } = record
  if (exitCode !== 0)
    return { failure: `exit ${exitCode} ${error?.code ?? status}: ${error?.message ?? status} (run ${runId})` }
  return {
    success: {
      runId,
      status,
      exitCode: String(exitCode),
      model: model?.name ?? '',
      modelVersion: String(model?.version ?? 0),
      modelDigest: model?.digest ?? '',
      endpoint: rollout?.endpoint ?? '',
    },
  }
}

/** @param refusal why SageMaker does not want the answer */
const inWords = (told: Answer, refusal: string | undefined): string =>
  refusal === undefined
    ? `told SageMaker: ${'success' in told ? 'success' : told.failure}`
    : `SageMaker does not wait for this answer any more: ${refusal}`

/** The execution is being stopped: so is the run, if it goes on. */
async function stopAsked(
  context: ClientContext,
  runId: string,
  answer: (told: Answer) => Promise<string>,
): Promise<CarriedOut> {
  const known = await findEndedRun(context, runId)
  if (known === undefined)
    await cancelRun(context, runId).catch((error) => {
      if (!(error instanceof SlipwayError && error.code === 'NOT_FOUND')) throw error
    })
  const told = await answer({ failure: `exit 130 CANCELLED: the execution was stopped (run ${runId})` })
  const what = `run ${runId} ${known === undefined ? 'was asked to stop' : `had ended: ${known.status}`}`
  return { runId, exitCode: known?.exitCode ?? 0, what, told, hadEnded: known !== undefined }
}
