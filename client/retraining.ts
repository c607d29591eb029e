import { randomUUID } from 'node:crypto'
import { userInfo } from 'node:os'
import { WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client'
import { RetrainCause } from '../lib/formats/alerts.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import { monitorsOf } from '../lib/store/monitors.ts'
import { signsOfPlatform } from '../workers/platform/signs.ts'
import { logFile, readPlatform } from '../workers/platform/state.ts'
import { consoleAddress } from '../workers/settings.ts'
import { waitFor } from '../workers/wait-for.ts'
import {
  pauseSupervisorUpdate,
  resumeSupervisorUpdate,
  type SupervisorStatus,
  supervisorStatusQuery,
  supervisorWorkflowId,
  tellSupervisor,
} from '../workflows/messages.ts'
import type { ClientContext } from './context.ts'
import { type Said, saidBy } from './decision.ts'

/** What a supervisor is doing; undefined when it was never asked for anything. */
export async function findRetraining(
  { temporal, settings: { root }, say }: ClientContext,
  pipeline: string,
): Promise<SupervisorStatus | undefined> {
  const { client } = await temporal()
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

/** What the supervisor of a pipeline does, waits for and did, as `slipway retrain status --json` prints it. */
export async function readRetraining(context: ClientContext, pipeline: string): Promise<SupervisorStatus> {
  const never = { state: 'idle', reason: 'never asked for anything', run: null, pending: [], retrainings: [] } as const
  return (await findRetraining(context, pipeline)) ?? { pipeline, ...never }
}

/** Why a pipeline should be retrained. */
export interface Signal extends Said {
  readonly kind: RetrainCause['kind']
  /** No rows from this ISO time on are to be used. */
  readonly asOf?: string | undefined
}

/**
 * Tells the supervisor of a pipeline why it should retrain, as an alert does. It decides what follows.
 * @throws SlipwayError NOT_MONITORED where nobody would act on it
 */
export async function signalRetraining(
  context: ClientContext,
  pipeline: string,
  { kind, reason, asOf, by = userInfo().username }: Signal,
): Promise<{ readonly pipeline: string; readonly key: string; readonly workflowId: string }> {
  const monitors = await monitorsOf(context.store, pipeline)
  if (!monitors.some(({ step }) => step.policy.retrain !== null)) {
    const why = monitors.length === 0 ? 'is not watched' : 'is watched and does not retrain'
    throw new SlipwayError('NOT_MONITORED', `pipeline "${pipeline}" ${why}: nobody would act on it`, {
      next: 'add p.monitor(live, { retrain: { … } }) to it and run it',
    })
  }
  const cause = RetrainCause.safeParse({
    kind,
    key: `${by}:${randomUUID()}`,
    reason: reason ?? `${kind}, said by ${by}`,
    asOf: asOf ?? null,
    at: new Date().toISOString(),
  })
  if (!cause.success) throw new SlipwayError('USAGE', cause.error.issues[0]?.message ?? 'the signal is not valid')
  const { client } = await context.temporal()
  await client.workflow.signalWithStart(
    'supervise',
    tellSupervisor(pipeline, cause.data, consoleAddress(context.settings.root)),
  )
  return { pipeline, key: cause.data.key, workflowId: supervisorWorkflowId(pipeline) }
}

/** Has the supervisor of a pipeline begin no retraining until it is told to go on. @throws SlipwayError NOT_FOUND */
export async function holdRetraining(
  { temporal }: ClientContext,
  verb: 'pause' | 'resume',
  pipeline: string,
  said: Said = {},
): Promise<void> {
  const { client } = await temporal()
  const update = verb === 'pause' ? pauseSupervisorUpdate : resumeSupervisorUpdate
  try {
    await client.workflow.getHandle(supervisorWorkflowId(pipeline)).executeUpdate(update, { args: [saidBy(said)] })
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError)
      throw new SlipwayError('USAGE', error.cause?.message ?? error.message)
    if (error instanceof WorkflowNotFoundError)
      throw new SlipwayError('NOT_FOUND', `pipeline "${pipeline}" has no supervisor yet: nobody asked for a retraining`)
    throw error
  }
}
