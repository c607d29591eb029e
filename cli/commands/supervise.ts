import { randomUUID } from 'node:crypto'
import { userInfo } from 'node:os'
import { WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client'
import { type ClientContext, workflowLink } from '../../client/context.ts'
import { RetrainCause } from '../../lib/formats/alerts.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { monitorsOf } from '../../lib/store/monitors.ts'
import { signsOfPlatform } from '../../workers/platform/signs.ts'
import { logFile, readPlatform } from '../../workers/platform/state.ts'
import { waitFor } from '../../workers/wait-for.ts'
import {
  pauseSupervisorUpdate,
  resumeSupervisorUpdate,
  type SupervisorStatus,
  supervisorStatusQuery,
  supervisorWorkflowId,
  tellSupervisor,
} from '../../workflows/messages.ts'
import { openContext } from '../context.ts'
import { isoTime, type JsonOption } from '../options.ts'
import { print, printJson, say, table } from '../output.ts'

const kinds = ['drift', 'quality', 'labels', 'schedule'] as const

/** `signal drift flights --reason "…"`: what an alert does. The supervisor decides what follows. */
export async function signal(
  kind: string,
  pipeline: string,
  options: JsonOption & { reason?: string; asOf?: string },
): Promise<number> {
  const context = openContext()
  if (!(kinds as readonly string[]).includes(kind))
    throw new SlipwayError('USAGE', `signal ${kind}: expected one of ${kinds.join(', ')}`, {
      next: `for example slipway signal drift ${pipeline} --reason "…"`,
    })
  const monitors = await monitorsOf(context.store, pipeline)
  if (!monitors.some(({ step }) => step.policy.retrain !== null)) {
    const why = monitors.length === 0 ? 'is not watched' : 'is watched and does not retrain'
    throw new SlipwayError('NOT_MONITORED', `pipeline "${pipeline}" ${why}: nobody would act on it`, {
      next: 'add p.monitor(live, { retrain: { … } }) to it and run it',
    })
  }
  const cause = RetrainCause.safeParse({
    kind,
    key: `${userInfo().username}:${randomUUID()}`,
    reason: options.reason ?? `${kind}, said by ${userInfo().username}`,
    asOf: options.asOf === undefined ? null : isoTime('--as-of', options.asOf),
    at: new Date().toISOString(),
  })
  if (!cause.success) throw new SlipwayError('USAGE', cause.error.issues[0]?.message ?? 'the signal is not valid')
  const { client } = await context.temporal()
  await client.workflow.signalWithStart('supervise', tellSupervisor(pipeline, cause.data))
  const link = workflowLink(context.settings, supervisorWorkflowId(pipeline))
  if (options.json === true) printJson({ pipeline, key: cause.data.key, workflowId: supervisorWorkflowId(pipeline) })
  else print(`told the supervisor of ${pipeline}\n  look  ${link}`)
  return 0
}

/** What a supervisor is doing; undefined when it was never asked for anything. */
export async function supervisorStatus(
  { temporal, settings }: ClientContext,
  pipeline: string,
): Promise<SupervisorStatus | undefined> {
  const { client } = await temporal()
  const { root } = settings
  const isHere = readPlatform(root) !== undefined
  const answer = await waitFor({
    what: `the supervisor of ${pipeline} to answer, for which a worker must run`,
    look: async () => {
      try {
        return { status: await client.workflow.getHandle(supervisorWorkflowId(pipeline)).query(supervisorStatusQuery) }
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return { status: undefined }
        throw error
      }
    },
    everyMs: 500,
    code: 'TEMPORAL_UNREACHABLE',
    signs: signsOfPlatform(root),
    say: (line) => say(`  ${line}`),
    // Of workers elsewhere nothing is seen but that they answer.
    ...(isHere ? { log: logFile(root, 'worker') } : { silenceMs: 60_000 }),
  })
  return answer.status
}

/** `retrain status flights`: what the supervisor does, what it waits for, and how its retrainings ended. */
export async function status(pipeline: string, options: JsonOption): Promise<number> {
  const found = await supervisorStatus(openContext(), pipeline)
  if (options.json === true) {
    printJson(
      found ?? { pipeline, state: 'idle', reason: 'never asked for anything', run: null, pending: [], retrainings: [] },
    )
    return 0
  }
  if (found === undefined) {
    print(`${pipeline}: nobody has asked for a retraining yet`)
    return 0
  }
  print(`${pipeline}: ${found.state}, ${found.reason}`)
  for (const { kind, reason } of found.pending) print(`  asked for: ${kind}, ${reason}`)
  if (found.retrainings.length > 0)
    print(
      table(
        ['run', 'status', 'cause', 'outcome'],
        found.retrainings.map(({ run, status: end, cause, reason }) => [
          run,
          end,
          cause.slice(0, 60),
          reason.slice(0, 80),
        ]),
      ),
    )
  return 0
}

/** `retrain pause|resume flights`. */
export async function act(
  verb: 'pause' | 'resume',
  pipeline: string,
  options: JsonOption & { reason?: string },
): Promise<number> {
  const { client } = await openContext().temporal()
  const decision = { by: userInfo().username, reason: options.reason ?? 'no reason given' }
  const update = verb === 'pause' ? pauseSupervisorUpdate : resumeSupervisorUpdate
  try {
    await client.workflow.getHandle(supervisorWorkflowId(pipeline)).executeUpdate(update, { args: [decision] })
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError)
      throw new SlipwayError('USAGE', error.cause?.message ?? error.message)
    if (error instanceof WorkflowNotFoundError)
      throw new SlipwayError('NOT_FOUND', `pipeline "${pipeline}" has no supervisor yet: nobody asked for a retraining`)
    throw error
  }
  if (options.json === true) printJson({ pipeline, [verb]: true })
  else print(`${pipeline}: retraining ${verb === 'pause' ? 'paused' : 'resumed'}`)
  return 0
}
