import { WithStartWorkflowOperation, WorkflowUpdateFailedError } from '@temporalio/client'
import { ApplicationFailure } from '@temporalio/common'
import { isErrorCode, SlipwayError } from '../lib/formats/errors.ts'
import type { Route } from '../lib/formats/route.ts'
import { connect } from '../workers/connect.ts'
import type { Settings } from '../workers/settings.ts'
import {
  type ChampionChange,
  championUpdate,
  ownerOfEndpoint,
  ownerOfModel,
  type RouteOrder,
  routeUpdate,
} from '../workflows/messages.ts'

/**
 * Has the owner of an endpoint change its route.
 * @throws SlipwayError what the owner refuses it with, TEMPORAL_UNREACHABLE
 */
export async function askOwnerOfEndpoint(settings: Settings, endpoint: string, order: RouteOrder): Promise<Route> {
  const { client } = await connect(settings)
  const startWorkflowOperation = new WithStartWorkflowOperation('ownEndpoint', ownerOfEndpoint(endpoint))
  const { route } = await client.workflow
    .executeUpdateWithStart(routeUpdate, { args: [order], startWorkflowOperation })
    .catch(fail)
  return route
}

/**
 * Has the owner of a model make a version its champion, unless that was refused.
 * @returns the champion
 * @throws SlipwayError likewise
 */
export async function askOwnerOfModel(
  settings: Settings,
  model: string,
  change: Pick<ChampionChange, 'version' | 'reason'>,
): Promise<number> {
  const { client } = await connect(settings)
  const startWorkflowOperation = new WithStartWorkflowOperation('ownModel', ownerOfModel(model))
  return client.workflow
    .executeUpdateWithStart(championUpdate, { args: [{ ...change, byHand: true }], startWorkflowOperation })
    .catch(fail)
}

/** What an owner refuses an order with is an error of ours, with the code it has there. */
function fail(error: unknown): never {
  let cause: unknown = error instanceof WorkflowUpdateFailedError ? error.cause : undefined
  while (cause instanceof Error && !(cause instanceof ApplicationFailure && isErrorCode(cause.type)))
    cause = cause.cause
  if (cause instanceof ApplicationFailure && isErrorCode(cause.type)) {
    const { next } = (cause.details?.[0] ?? {}) as { next?: string | null }
    throw new SlipwayError(cause.type, cause.message, { next: next ?? undefined }, { cause: error })
  }
  throw error
}
