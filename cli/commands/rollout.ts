import { userInfo } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client'
import type { ClientContext } from '../../client/context.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import type { RolloutRecord } from '../../lib/formats/records.ts'
import { type Route, routeInWords } from '../../lib/formats/route.ts'
import { passOver } from '../../lib/store/broken.ts'
import { listKeys } from '../../lib/store/documents.ts'
import { readRolloutEnd } from '../../lib/store/rollouts.ts'
import { listEndpoints, readRoute } from '../../lib/store/routes.ts'
import type { Store } from '../../lib/store/store.ts'
import {
  abortUpdate,
  approveRolloutUpdate,
  type Decision,
  pauseUpdate,
  promoteUpdate,
  type RolloutStatus,
  resumeUpdate,
  rolloutStatusQuery,
  rolloutWorkflowId,
} from '../../workflows/messages.ts'
import { colors } from '../colors.ts'
import { openContext } from '../context.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson, seconds } from '../output.ts'
import { verdictTable } from '../verdicts.ts'

/** A route, or a word about which there are. */
export async function requireRoute(store: Store, endpoint: string): Promise<Route> {
  const route = await readRoute(store, endpoint)
  if (route !== undefined) return route
  const all = await listEndpoints(store)
  throw new SlipwayError('NOT_FOUND', `there is no endpoint "${endpoint}"; there are ${all.join(', ') || 'none yet'}`, {
    next: 'give the pipeline a p.deploy, and run it',
  })
}

/** What an endpoint serves, and where its rollout stands. */
export async function status(endpoint: string, options: JsonOption): Promise<number> {
  const context = openContext()
  const route = await requireRoute(context.store, endpoint)
  const live = route.rollout === null ? undefined : await liveStatus(context, route.rollout.id)
  const last = live === undefined ? await lastRollout(context.store, endpoint) : undefined
  if (options.json === true) {
    printJson({ endpoint, route, rollout: live ?? null, last: last ?? null })
    return 0
  }
  print(`${colors.bold(endpoint)}  ${routeInWords(route)}  ${colors.dim(`revision ${route.revision}`)}`)
  if (live !== undefined) showLive(live)
  else if (route.rollout !== null) print(`  rollout ${route.rollout.id}: no worker answers; it goes on when one does`)
  else if (last !== undefined)
    print(`  last rollout ${last.id}: ${last.outcome} after ${seconds(last.seconds)}: ${last.reason}`)
  return 0
}

async function liveStatus({ temporal }: ClientContext, id: string): Promise<RolloutStatus | undefined> {
  try {
    const { client } = await temporal()
    return await client.workflow.getHandle(rolloutWorkflowId(id)).query(rolloutStatusQuery)
  } catch {
    return undefined
  }
}

function showLive({
  id,
  stage,
  stageNumber,
  stages,
  paused,
  reason,
  verdicts,
  decisions,
  seconds: age,
}: RolloutStatus): void {
  print(`  rollout ${id}, ${seconds(age)}: ${stage}, step ${stageNumber} of ${stages}${paused ? ', paused' : ''}`)
  print(`  ${reason}`)
  print('')
  print(verdictTable(verdicts))
  for (const { stage: where, action, reason: why, by } of decisions)
    print(`  ${where.padEnd(12)} ${action}${by === undefined ? '' : ` by ${by}`}: ${why}`)
}

/** The rollout of an endpoint that ended last. Ids sort by time. */
async function lastRollout(store: Store, endpoint: string): Promise<RolloutRecord | undefined> {
  const keys = await listKeys(store, `rollouts/${endpoint}-`, Number.POSITIVE_INFINITY)
  const ended = keys.filter((key) => key.endsWith('/end.json')).sort()
  const id = ended.at(-1)?.split('/')[1]
  return id === undefined ? undefined : passOver(readRolloutEnd(store, id))
}

const updates = {
  approve: approveRolloutUpdate,
  pause: pauseUpdate,
  resume: resumeUpdate,
  promote: promoteUpdate,
  rollback: abortUpdate,
}

/** Asks the rollout of an endpoint for something, by name of who asks. */
export async function act(
  verb: keyof typeof updates,
  endpoint: string,
  { reason = 'no reason given', as, json }: JsonOption & { reason?: string; as?: string },
): Promise<number> {
  const context = openContext()
  const decision: Decision = { by: userInfo().username, reason, ...(as === undefined ? {} : { role: as }) }
  const rollout = await askRollout(context, endpoint, verb, decision)
  if (json === true) printJson({ endpoint, rollout, asked: verb, ...decision })
  else print(`asked rollout ${rollout} to ${verb}`)
  return 0
}

/**
 * How long a route may name a rollout whose workflow is not there yet, ms: its run holds the route before it starts it.
 */
const beginsWithin = 60_000

/** @returns the rollout that took it @throws SlipwayError USAGE */
async function askRollout(
  { store, temporal }: ClientContext,
  endpoint: string,
  verb: keyof typeof updates,
  decision: Decision,
): Promise<string> {
  const { client } = await temporal()
  for (const until = Date.now() + beginsWithin; ; await sleep(250)) {
    const { rollout } = await requireRoute(store, endpoint)
    if (rollout === null)
      throw new SlipwayError('USAGE', `no rollout of ${endpoint} is going on`, {
        next: verb === 'rollback' ? `slipway rollback ${endpoint}` : `slipway rollout status ${endpoint}`,
      })
    try {
      await client.workflow.getHandle(rolloutWorkflowId(rollout.id)).executeUpdate(updates[verb], { args: [decision] })
      return rollout.id
    } catch (error) {
      if (error instanceof WorkflowUpdateFailedError)
        throw new SlipwayError('USAGE', error.cause?.message ?? error.message, {
          next: `slipway rollout status ${endpoint}`,
        })
      if (!(error instanceof WorkflowNotFoundError)) throw error
      if (Date.now() > until)
        throw new SlipwayError('USAGE', `rollout ${rollout.id} holds ${endpoint}, but its workflow is gone`, {
          next: `slipway rollback ${endpoint}`,
        })
    }
  }
}
