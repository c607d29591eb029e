import { type Client, ScheduleNotFoundError, WorkflowNotFoundError } from '@temporalio/client'
import { setBatchSchedule } from '../activities/batch-schedule.ts'
import { monitorScheduleIds, setMonitorSchedules } from '../activities/monitor-schedules.ts'
import type { Route } from '../lib/formats/route.ts'
import { pipelineOfRun } from '../lib/formats/run-name.ts'
import { resumeRollout } from '../lib/stats/resume-rollout.ts'
import { listBatchDefinitions, readBatchDefinition } from '../lib/store/batches.ts'
import { passOver } from '../lib/store/broken.ts'
import { listMonitors, readMonitor } from '../lib/store/monitors.ts'
import { readLooks, readRolloutEnd, readRolloutStart } from '../lib/store/rollouts.ts'
import { listEndpoints, readRoute } from '../lib/store/routes.ts'
import type { Store } from '../lib/store/store.ts'
import {
  batchScheduleId,
  endpointWorkflowId,
  ownerOfEndpoint,
  type RouteOrder,
  rolloutWorkflowId,
  routeUpdate,
  taskQueue,
} from '../workflows/messages.ts'

/** Something that the store says should go on, and that Temporal does not know, or has ended. */
export interface LostWork {
  readonly kind: 'endpoint' | 'rollout' | 'monitor' | 'batch'
  /** `flights`; of a rollout its id, of a batch its owner and name. */
  readonly name: string
  /** What is done about it, in words. */
  readonly how: string
}

/** What is needed to look for it, and to bring it back. */
export interface RecoverContext {
  readonly store: Store
  readonly client: Client
  /** Address of the console, for links from Temporal's web UI. */
  readonly console?: string | undefined
}

/** Lost work with what brings it back. */
interface Recovery extends LostWork {
  bringBack(): Promise<unknown>
}

/**
 * Finds what refs of the store say should go on and Temporal does not know any more: its database was lost, or somebody
 * terminated or deleted it.
 */
export async function findLost(context: RecoverContext): Promise<LostWork[]> {
  return (await recoveriesOf(context)).map(({ kind, name, how }) => ({ kind, name, how }))
}

/** The same, and brings it back. Doing it twice, or twice at once, does it once. @returns what was lost */
export async function recover(context: RecoverContext, onEach: (work: LostWork) => void): Promise<LostWork[]> {
  const lost = await recoveriesOf(context)
  for (const { bringBack, ...work } of lost) {
    await bringBack()
    onEach(work)
  }
  return lost.map(({ kind, name, how }) => ({ kind, name, how }))
}

async function recoveriesOf(context: RecoverContext): Promise<Recovery[]> {
  const { store } = context
  const found: Recovery[] = []
  for (const endpoint of await listEndpoints(store)) {
    const route = await passOver(readRoute(store, endpoint))
    if (route !== undefined) found.push(...(await ofEndpoint(context, endpoint, route)))
  }
  for (const endpoint of await listMonitors(store)) found.push(...(await ofMonitor(context, endpoint)))
  for (const { owner, name } of await listBatchDefinitions(store)) found.push(...(await ofBatch(context, owner, name)))
  return found
}

async function ofEndpoint(context: RecoverContext, endpoint: string, route: Route): Promise<Recovery[]> {
  const { client } = context
  const { rollout, champion } = route
  const found: Recovery[] = []
  const target = champion.hosting?.kind
  if (!(await isRunning(client, endpointWorkflowId(endpoint))))
    found.push({
      kind: 'endpoint',
      name: endpoint,
      how: 'its owner is started again',
      bringBack: () =>
        client.workflow.start('ownEndpoint', {
          ...ownerOfEndpoint(endpoint),
          ...(target !== undefined && { args: [endpoint, { revision: 0, strangers: [], target }] }),
        }),
    })
  if (rollout !== null && !(await isRunning(client, rolloutWorkflowId(rollout.id))))
    found.push(await ofRollout(context, endpoint, route, rollout))
  return found
}

async function ofRollout(
  { store, client }: RecoverContext,
  endpoint: string,
  { champion }: Route,
  rollout: NonNullable<Route['rollout']>,
): Promise<Recovery> {
  const { id, candidate } = rollout
  const start = await passOver(readRolloutStart(store, id))
  const looks = await readLooks(store, id)
  const hasEnded = (await passOver(readRolloutEnd(store, id))) !== undefined
  if (start === undefined || looks.length === 0 || hasEnded) {
    const order: RouteOrder = {
      change: { kind: 'finish', rollout: id, candidate, promote: false },
      reason: `rollout ${id}: nothing watches it, and no evidence of it is on record`,
    }
    return {
      kind: 'rollout',
      name: id,
      how: `${endpoint} is given back to its champion, for the rollout had not looked at anything yet`,
      bringBack: () =>
        client.workflow.getHandle(endpointWorkflowId(endpoint)).executeUpdate(routeUpdate, { args: [order] }),
    }
  }
  const { cursors, state, ...progress } = resumeRollout(start.policy, start.state, looks, rollout)
  const { policy, run } = start
  const target = champion.hosting?.kind
  return {
    kind: 'rollout',
    name: id,
    how: `it is watched again, from look ${progress.seq} on${progress.paused ? ', and stays paused' : ''}`,
    bringBack: () =>
      client.workflow.start('runRollout', {
        workflowId: rolloutWorkflowId(id),
        workflowIdConflictPolicy: 'USE_EXISTING',
        taskQueue,
        args: [
          {
            id,
            endpoint,
            pipeline: pipelineOfRun(run),
            run,
            champion: start.champion,
            candidate: start.candidate,
            policy,
            ...(target !== undefined && { target }),
            cursors,
            state,
            progress: { ...progress, approvedBy: null },
          },
        ],
        staticSummary: `rollout of ${endpoint}: version ${start.champion.version} → ${candidate.version}, recovered`,
      }),
  }
}

async function ofMonitor({ store, client, console }: RecoverContext, endpoint: string): Promise<Recovery[]> {
  const monitor = await passOver(readMonitor(store, endpoint))
  if (monitor === undefined) return []
  const { pipeline, step } = monitor
  const missing = await Promise.all(monitorScheduleIds(pipeline, step).map(async (id) => !(await isSet(client, id))))
  if (!missing.includes(true)) return []
  return [
    {
      kind: 'monitor',
      name: endpoint,
      how: 'its schedules are set again',
      bringBack: () => setMonitorSchedules(client, pipeline, step, console),
    },
  ]
}

async function ofBatch({ store, client, console }: RecoverContext, owner: string, name: string): Promise<Recovery[]> {
  const definition = await passOver(readBatchDefinition(store, owner, name))
  if (definition === undefined || definition.policy.cron === null) return []
  if (await isSet(client, batchScheduleId(owner, name))) return []
  return [
    {
      kind: 'batch',
      name: `${owner} ${name}`,
      how: 'its schedule is set again',
      bringBack: () => setBatchSchedule(client, name, definition, console),
    },
  ]
}

async function isRunning(client: Client, workflowId: string): Promise<boolean> {
  try {
    const { status } = await client.workflow.getHandle(workflowId).describe()
    return status.name === 'RUNNING'
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false
    throw error
  }
}

async function isSet(client: Client, scheduleId: string): Promise<boolean> {
  try {
    await client.schedule.getHandle(scheduleId).describe()
    return true
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return false
    throw error
  }
}
