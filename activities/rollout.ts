import { WithStartWorkflowOperation, WorkflowUpdateFailedError } from '@temporalio/client'
import { ApplicationFailure } from '@temporalio/common'
import { isErrorCode, SlipwayError } from '../lib/formats/errors.ts'
import type { RolloutStart } from '../lib/formats/evidence.ts'
import type { RolloutRecord } from '../lib/formats/records.ts'
import type { RolloutPolicy } from '../lib/formats/rollout-policy.ts'
import type { ModelVersion } from '../lib/formats/route.ts'
import { createJudge } from '../lib/jobs/label-evidence.ts'
import { readModel } from '../lib/store/registry.ts'
import { publishRolloutEnd, publishRolloutStart } from '../lib/store/rollouts.ts'
import { awaitApplied, type Change, type Changed, takeOver, writeChange } from '../lib/targets/change-route.ts'
import { type Collected, collectEvidence, type EvidenceOrder, lookAt } from '../lib/targets/collect-evidence.ts'
import type { Target } from '../lib/targets/target.ts'
import { targetOf } from '../lib/targets/targets.ts'
import {
  championUpdate,
  ownerOfEndpoint,
  ownerOfModel,
  type RouteOrder,
  type RouteOutcome,
  routeUpdate,
} from '../workflows/messages.ts'
import { type Order, routeOrderSignal } from '../workflows/owner-messages.ts'
import { type ActivityDeps, runActivity } from './step.ts'
import { told } from './told.ts'

/** Where an endpoint is deployed: the name of a target; by default Slipway's own gateways. */
export interface OnTarget {
  readonly target?: string | undefined
}

/** What endpoints, their owners and rollouts need done. */
export function createRolloutActivities(deps: ActivityDeps) {
  const { store, client } = deps
  const judge = createJudge(store)
  const targetFor = ({ target }: OnTarget): Target => targetOf(deps.adapters.targets, target)

  return {
    /** What an endpoint serves, where its windows stand, and what its champion did lately. */
    async lookAtEndpoint(order: OnTarget & { endpoint: string; policy: RolloutPolicy }) {
      return runActivity('deploy', () => lookAt(store, targetFor(order), order))
    },

    /** Tells the owner of an endpoint what is asked of it, starting it if this is the first. It answers by signal. */
    async tellEndpointOwner({ endpoint, order }: { endpoint: string; order: Order<RouteOrder> }): Promise<void> {
      const message = {
        ...ownerOfEndpoint(endpoint),
        signal: routeOrderSignal,
        signalArgs: [order] as [Order<RouteOrder>],
      }
      await runActivity('deploy', () =>
        told(`the owner of endpoint ${endpoint}`, client.workflow.signalWithStart('ownEndpoint', message)),
      )
    },

    /** For rollouts that 0.7 and before began: waits for the owner, and holds a slot of the worker meanwhile. */
    async requestRouteChange({ endpoint, change, reason }: RouteOrder & { endpoint: string }): Promise<RouteOutcome> {
      return runActivity('deploy', async () => {
        try {
          return await client.workflow.executeUpdateWithStart(routeUpdate, {
            args: [{ change, reason }],
            startWorkflowOperation: new WithStartWorkflowOperation('ownEndpoint', ownerOfEndpoint(endpoint)),
          })
        } catch (error) {
          throw ownerError(error, `endpoint ${endpoint}`)
        }
      })
    },

    /** For the owner workflow only: writes a change, or says which rollout goes on. */
    async writeRouteChange(order: OnTarget & Change): Promise<Changed> {
      return runActivity('deploy', () => writeChange(store, targetFor(order), order))
    },

    /**
     * For the owner workflow only: waits until everything that serves applies a revision, or says why something does
     * not.
     */
    async readBack(order: OnTarget & { endpoint: string; revision: number }): Promise<Omit<RouteOutcome, 'route'>> {
      return runActivity('deploy', (context, progress) =>
        awaitApplied(targetFor(order), order, async (behind, ms) => {
          progress(`waiting for ${behind.join(', ')}`, 0.5)
          await context.sleep(ms)
        }),
      )
    },

    /** For the owner workflow only: takes over what others wrote since the revision it knows; null when nobody did. */
    async reconcileRoute(order: OnTarget & { endpoint: string; seen: number }) {
      return runActivity('deploy', () => takeOver(store, targetFor(order), order))
    },

    /** For owners that 0.7 and before began: makes what an endpoint serves the champion of its model. */
    async requestChampion({ variant, reason }: { variant: ModelVersion; reason: string }): Promise<void> {
      await runActivity('promote', async () => {
        const model = await readModel(store, variant.model)
        if (model === undefined || model.champions.at(-1) === variant.version) return
        try {
          await client.workflow.executeUpdateWithStart(championUpdate, {
            args: [{ version: variant.version, reason }],
            startWorkflowOperation: new WithStartWorkflowOperation('ownModel', ownerOfModel(variant.model)),
          })
        } catch (error) {
          throw ownerError(error, `model ${variant.model}`)
        }
      })
    },

    /** Puts on record what a rollout begins with. */
    async beginRollout(start: RolloutStart): Promise<void> {
      await runActivity('deploy', () => publishRolloutStart(store, start))
    },

    /** Puts the windows since the last look on record as evidence, and judges what labels are due for. */
    async collectEvidence(order: OnTarget & EvidenceOrder): Promise<Collected> {
      return runActivity('deploy', () => collectEvidence(store, targetFor(order), judge, order))
    },

    /** Puts on record how a rollout ended. */
    async endRollout(record: RolloutRecord): Promise<void> {
      await runActivity('deploy', () => publishRolloutEnd(store, record))
    },
  }
}

/** What an owner answered, as an error of ours; or that it has not answered yet, which passes. */
function ownerError(error: unknown, owner: string): Error {
  if (!(error instanceof WorkflowUpdateFailedError)) {
    const why = `the owner of ${owner} does not answer: ${(error as Error).message}`
    return new SlipwayError('TEMPORAL_UNREACHABLE', why, {}, { cause: error })
  }
  let cause: Error | undefined = error.cause
  while (cause !== undefined && !(cause instanceof ApplicationFailure && isErrorCode(cause.type)))
    cause = (cause as { cause?: Error }).cause
  if (cause instanceof ApplicationFailure && isErrorCode(cause.type)) {
    const next = (cause.details?.[0] as { next?: string | null } | undefined)?.next ?? undefined
    return new SlipwayError(cause.type, cause.message, { next })
  }
  return error
}
