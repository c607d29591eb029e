import { WithStartWorkflowOperation, WorkflowUpdateFailedError } from '@temporalio/client'
import { ApplicationFailure } from '@temporalio/common'
import { isErrorCode, SlipwayError } from '../lib/formats/errors.ts'
import type { RolloutDecision, RolloutRecord } from '../lib/formats/records.ts'
import type { RolloutPolicy } from '../lib/formats/rollout-policy.ts'
import type { ModelVersion, Route, RouteChange } from '../lib/formats/route.ts'
import type { TelemetryWindow } from '../lib/formats/telemetry.ts'
import { blocksOf, historyOf } from '../lib/stats/evidence.ts'
import { readModel } from '../lib/store/registry.ts'
import {
  type EvidenceEntry,
  publishEvidence,
  publishRolloutEnd,
  publishRolloutStart,
  type RolloutStart,
} from '../lib/store/rollouts.ts'
import { findWindow, readAlive, readPresences, readRoute, readRouteLog, writeRoute } from '../lib/store/routes.ts'
import {
  championUpdate,
  ownerOfEndpoint,
  ownerOfModel,
  type RouteOrder,
  type RouteOutcome,
  routeUpdate,
} from '../workflows/messages.ts'
import { type Order, routeOrderSignal } from '../workflows/owner-messages.ts'
import { answersIn, createJudge, type JudgingOrder } from './label-evidence.ts'
import { type ActivityDeps, runActivity } from './step.ts'
import { told } from './told.ts'

/** How long gateways have to load a version and apply a revision, ms. */
const patience = 90_000
/** Windows of a gateway that one look takes in; the next look takes the rest. */
const windowsALook = 100
/** Windows from before a rollout that say what is usual, a gateway. */
const windowsBefore = 60

interface EvidenceOrder {
  readonly rollout: string
  readonly endpoint: string
  readonly seq: number
  readonly cursors: Readonly<Record<string, number>>
  readonly before: RolloutDecision | null
  readonly since: number
  /** Null where labels do not count; missing in rollouts begun before 0.6. */
  readonly labels?: Pick<JudgingOrder, 'rule' | 'candidate' | 'judged'> | null
}

/** What a look found, and who took the route away, if somebody did. */
type Collected = Pick<EvidenceEntry, 'at' | 'blocks' | 'cursors'> &
  Partial<Pick<EvidenceEntry, 'mistakes' | 'judged'>> & { readonly taken: string | null }

/** What endpoints, their owners and rollouts need done. */
export function createRolloutActivities(deps: ActivityDeps) {
  const { store, client } = deps
  const judge = createJudge(store)

  return {
    /** What an endpoint serves, where its windows stand, and what its champion did lately. */
    async lookAtEndpoint({ endpoint, policy }: { endpoint: string; policy: RolloutPolicy }) {
      return runActivity('deploy', async () => {
        const route = (await readRoute(store, endpoint)) ?? null
        const cursors: Record<string, number> = {}
        const windows: TelemetryWindow[] = []
        for (const { id, endpoints } of await readAlive(store)) {
          const next = endpoints[endpoint]?.nextWindow
          if (next === undefined) continue
          cursors[id] = next
          const seqs = Array.from({ length: Math.min(windowsBefore, next) }, (_, i) => next - 1 - i)
          const read = await Promise.all(seqs.map((seq) => findWindow(store, endpoint, id, seq)))
          windows.push(...read.flatMap((window) => window ?? []))
        }
        const latency = policy.watch.find(({ metric }) => metric === 'latency')
        const slowMs = latency?.metric === 'latency' ? latency.overMs : null
        return { route, cursors, history: historyOf(windows, route?.champion.digest ?? '', slowMs) }
      })
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

    /**
     * For the owner workflow only. @returns the route, its champion if the change may have moved it, and the rollout that a new one
     * has to wait for: then nothing was changed
     */
    async writeRouteChange({
      endpoint,
      change,
      reason,
    }: {
      endpoint: string
      change: RouteChange
      reason: string
    }): Promise<{ route: Route; champion: ModelVersion | null; waitsFor: string | null }> {
      return runActivity('deploy', async () => {
        const before = change.kind === 'begin' ? await readRoute(store, endpoint) : undefined
        const other = before?.rollout ?? null
        if (change.kind === 'begin' && before !== undefined && other !== null && other.id !== change.rollout.id)
          return { route: before, champion: null, waitsFor: other.id }
        const route = await writeRoute(store, endpoint, change, reason)
        const isMoved = change.kind !== 'begin' && change.kind !== 'traffic'
        return { route, champion: isMoved ? route.champion : null, waitsFor: null }
      })
    },

    /** For the owner workflow only: waits until every gateway that runs applies a revision, or says why one does not. */
    async readBack({
      endpoint,
      revision,
    }: {
      endpoint: string
      revision: number
    }): Promise<Omit<RouteOutcome, 'route'>> {
      return runActivity('deploy', async (context, progress) => {
        const until = Date.now() + patience
        for (;;) {
          const gateways = await readAlive(store)
          const behind = gateways.filter(({ endpoints }) => (endpoints[endpoint]?.revision ?? 0) < revision)
          if (behind.length === 0) return { gateways: gateways.length, mismatch: null }
          const refusing = behind.find(({ endpoints }) => (endpoints[endpoint]?.refused?.revision ?? 0) >= revision)
          if (refusing !== undefined) {
            const { why } = refusing.endpoints[endpoint]?.refused ?? { why: '' }
            return {
              gateways: gateways.length,
              mismatch: `gateway ${refusing.id} refuses revision ${revision}: ${why}`,
            }
          }
          const names = behind.map(({ id }) => id).join(', ')
          if (Date.now() > until) {
            const seconds = patience / 1000
            return {
              gateways: gateways.length,
              mismatch: `${names} did not apply revision ${revision} within ${seconds} s`,
            }
          }
          progress(`waiting for ${names}`, 0.5)
          await context.sleep(100)
        }
      })
    },

    /**
     * For the owner workflow only: what others wrote since the revision it knows; null when nobody did.
     */
    async reconcileRoute({
      endpoint,
      seen,
    }: {
      endpoint: string
      seen: number
    }): Promise<{ route: Route; strangers: string[] } | null> {
      return runActivity('deploy', async () => {
        const route = await readRoute(store, endpoint)
        if (route === undefined || route.revision <= seen) return null
        const strangers: string[] = []
        for (let revision = seen + 1; seen > 0 && revision <= route.revision; revision++) {
          const entry = await readRouteLog(store, endpoint, revision)
          strangers.push(`revision ${revision}: ${entry?.reason ?? 'no reason on record'}`)
        }
        return { route, strangers }
      })
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

    /**
     * Takes in the windows since the last look and puts them on record as evidence, with what was decided then, and judges answers of
     * earlier looks whose labels are due.
     * @returns the evidence, and who took the route away, if somebody did
     */
    async collectEvidence(order: EvidenceOrder): Promise<Collected> {
      return runActivity('deploy', async () => {
        const { rollout, endpoint, seq, before } = order
        const cursors = { ...order.cursors }
        const presences = await readPresences(store)
        for (const { id } of presences) cursors[id] ??= 0
        const windows: TelemetryWindow[] = []
        for (const gateway of Object.keys(cursors)) {
          const sent = presences.find(({ id }) => id === gateway)?.endpoints[endpoint]?.nextWindow ?? 0
          for (let read = 0; read < windowsALook; read++) {
            const next = cursors[gateway] as number
            const window = await findWindow(store, endpoint, gateway, next)
            // All windows before the gateway's next are in the store, or lost for good.
            if (window === undefined && next >= sent) break
            cursors[gateway] = next + 1
            if (window) windows.push(window)
          }
        }
        const blocks = blocksOf(windows, rollout)
        const now = Date.now()
        const answers = answersIn(windows, rollout)
        const judged = order.labels && (await judge({ ...order.labels, rollout, seq, labels: answers.labels, now }))
        const entry = await publishEvidence(store, rollout, {
          ...(judged ? { ...answers, ...judged } : { answers: [], labels: [], mistakes: [], judged: 0 }),
          seq,
          at: now,
          blocks: blocks as never,
          cursors,
          before,
        })
        const route = await readRoute(store, endpoint)
        const isMine = route?.rollout?.id === rollout
        const taken = isMine ? null : await whoTook(endpoint, route)
        const { at, blocks: seen, cursors: next, mistakes, judged: upTo } = entry
        return { at, blocks: seen, cursors: next, mistakes, judged: upTo, taken }
      })
    },

    /** Puts on record how a rollout ended. */
    async endRollout(record: RolloutRecord): Promise<void> {
      await runActivity('deploy', () => publishRolloutEnd(store, record))
    },
  }

  async function whoTook(endpoint: string, route: Route | undefined): Promise<string> {
    if (route === undefined) return 'the route is gone'
    return (await readRouteLog(store, endpoint, route.revision))?.reason ?? `revision ${route.revision}`
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
