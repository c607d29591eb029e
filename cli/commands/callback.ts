import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { SlipwayError } from '../../lib/formats/errors.ts'
import type { RunRecord } from '../../lib/formats/records.ts'
import { type Answer, answerCallback } from '../../lib/sagemaker/answer-callback.ts'
import { type AskedRun, readCallback } from '../../lib/sagemaker/callback-message.ts'
import { sageMakerClients } from '../../lib/sagemaker/clients.ts'
import { readWholeRun } from '../../lib/store/runs.ts'
import { type CliContext, openContext } from '../context.ts'
import type { JsonOption } from '../options.ts'
import { print, say } from '../output.ts'
import { cancel } from './cancel.ts'
import { runAndShow } from './run.ts'

/**
 * `sagemaker callback message.json`: does what a callback step asks for, and answers it. A message that comes again
 * names the same run: it is followed, or answered from its record. A command that is interrupted has answered nothing,
 * and the queue brings the message again.
 * @returns the exit code of the run
 */
export async function callback(file: string, options: JsonOption): Promise<number> {
  const context = openContext()
  const asked = readCallback(readFileSync(file === '-' ? 0 : file, 'utf8'))
  const runId = runIdOf(asked)
  if (asked.isStopping) return stopAsked(context, asked, runId, options)
  const known = await readWholeRun(context.store, runId)
  if (known !== undefined) {
    await answer(asked, answerOf(known))
    print(`run ${runId} had ended: ${known.status}`)
    return known.exitCode
  }
  const { code, record } = await runAndShow(context, asked.pipeline, {
    ...options,
    wait: true,
    runId,
    set: asked.set,
    ...(asked.asOf !== undefined && { asOf: asked.asOf }),
  }).catch(async (error) => {
    // What will never run must not keep the pipeline waiting; a server that is away is another thing.
    if (error instanceof SlipwayError && !isForLater(error))
      await answer(asked, { failure: `exit ${error.exitCode} ${error.code}: ${error.message}` })
    throw error
  })
  if (record !== undefined) await answer(asked, answerOf(record))
  return code
}

/** Whether the same message may fare better later: the run goes on, or nothing was begun for want of a server. */
const isForLater = ({ code, exitCode }: SlipwayError): boolean =>
  exitCode === 20 || code === 'INTERRUPTED' || code === 'WAIT_TIMED_OUT' || code === 'INTERNAL'

/** The run that a request is: the same for the same token. */
function runIdOf({ token, pipeline }: AskedRun): string {
  const digest = createHash('sha256').update(token).digest('hex')
  return `${pipeline}-sagemaker-${digest.slice(0, 12)}`
}

function answerOf(record: RunRecord): Answer {
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

async function answer(asked: AskedRun, told: Answer): Promise<void> {
  const clients = sageMakerClients()
  try {
    const why = await answerCallback(clients, asked, told)
    say(
      why === undefined
        ? `  told SageMaker: ${'success' in told ? 'success' : told.failure}`
        : `  SageMaker does not wait for this answer any more: ${why}`,
    )
  } finally {
    clients.destroy()
  }
}

/** The execution is being stopped: so is the run, if it goes on. */
async function stopAsked({ store }: CliContext, asked: AskedRun, runId: string, options: JsonOption): Promise<number> {
  const known = await readWholeRun(store, runId)
  if (known === undefined)
    await cancel(runId, options).catch((error) => {
      if (!(error instanceof SlipwayError && error.code === 'NOT_FOUND')) throw error
    })
  await answer(asked, { failure: `exit 130 CANCELLED: the execution was stopped (run ${runId})` })
  return known?.exitCode ?? 0
}
