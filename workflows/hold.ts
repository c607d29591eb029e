import type { RolloutRecord } from '../lib/formats/records.ts'
import type { RolloutPolicy } from '../lib/formats/rollout-policy.ts'
import type { ModelVersion, RouteRollout } from '../lib/formats/route.ts'
import type { Stage } from '../lib/stats/rollout-metric.ts'
import type { Owners } from './ask-owner.ts'
import { refusalOf } from './failures.ts'
import type { RouteOrder } from './messages.ts'
import type { RolloutInput } from './rollout-input.ts'

/** A rollout's hold on a route in a stage. */
export function holdOf(
  id: string,
  candidate: ModelVersion,
  policy: RolloutPolicy,
  { mode, share }: Stage,
): RouteRollout {
  const { strategy } = policy
  const latency = policy.watch.find(({ metric }) => metric === 'latency')
  return {
    id,
    candidate,
    mode,
    share,
    salt: id,
    sticky: policy.sticky,
    leased: true,
    slowMs: latency?.metric === 'latency' ? latency.overMs : null,
    ...(strategy.kind === 'guardrails' && { guardrails: strategy.guardrails }),
  }
}

/**
 * Gives the endpoint of a rollout to who has won it. A candidate takes over only from the champion it was compared
 * with.
 * @param isHurried the run was cancelled: the owner does it, and is not waited for long
 * @returns why it is not the rollout's to give any more; null when it was
 */
export async function letGo(
  owners: Owners,
  { id, endpoint, champion, candidate }: RolloutInput,
  outcome: RolloutRecord['outcome'],
  why: string,
  isHurried: boolean,
): Promise<string | null> {
  const { version, digest } = champion
  const finish = (promote: boolean): RouteOrder => ({
    change: { kind: 'finish', rollout: id, candidate, promote, expect: { version, digest } },
    reason: `rollout ${id}: ${outcome}: ${why}`,
  })
  const summary = `${outcome} • ${why}`.slice(0, 200)
  try {
    if (isHurried) await owners.leaveToOwner(endpoint, finish(false), summary)
    else await owners.changeRoute(endpoint, finish(outcome === 'promoted'), summary)
    return null
  } catch (error) {
    const { code, message } = refusalOf(error)
    if (code !== 'ROUTE_CONFLICT' && code !== 'CHAMPION_MOVED') throw error
    if (code === 'CHAMPION_MOVED') await owners.leaveToOwner(endpoint, finish(false), summary)
    return `taken from the route by somebody else: ${message}`
  }
}
