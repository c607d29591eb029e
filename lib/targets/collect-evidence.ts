import type { EvidenceEntry } from '../formats/evidence.ts'
import type { RolloutDecision } from '../formats/records.ts'
import { refusalInWords } from '../formats/refusal.ts'
import type { RolloutPolicy } from '../formats/rollout-policy.ts'
import type { Route } from '../formats/route.ts'
import { answersIn, type Judge, type JudgingOrder } from '../jobs/label-evidence.ts'
import { blocksOf, historyOf } from '../stats/evidence.ts'
import { leaseMs, unwatchedMs } from '../stats/rollout-lease.ts'
import { readRefusal } from '../store/refusals.ts'
import { publishEvidence, writeLease } from '../store/rollouts.ts'
import { readRoute, readRouteLog } from '../store/routes.ts'
import type { Store } from '../store/store.ts'
import { endRefused } from './change-route.ts'
import type { Target } from './target.ts'

/** Windows from before a rollout that say what is usual, from each source. */
const windowsBefore = 60

/** What an endpoint serves, where its windows stand, and what its champion did lately. */
export async function lookAt(
  store: Store,
  target: Target,
  { endpoint, policy }: { readonly endpoint: string; readonly policy: RolloutPolicy },
): Promise<{
  readonly route: Route | null
  readonly cursors: Readonly<Record<string, number>>
  readonly history: ReturnType<typeof historyOf>
}> {
  const [route, sources] = await Promise.all([readRoute(store, endpoint), target.look(endpoint)])
  const serving = Object.entries(sources).filter(([, { serves }]) => serves)
  const since = serving.map(([source, { next }]) => [source, Math.max(0, next - windowsBefore)])
  const { windows } = await target.evidence(endpoint, Object.fromEntries(since))
  const latency = policy.watch.find(({ metric }) => metric === 'latency')
  const slowMs = latency?.metric === 'latency' ? latency.overMs : null
  return {
    route: route ?? null,
    cursors: Object.fromEntries(serving.map(([source, { next }]) => [source, next])),
    history: historyOf(windows, route?.champion.digest ?? '', slowMs),
  }
}

/** A look of a rollout. */
export interface EvidenceOrder {
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
export type Collected = Pick<EvidenceEntry, 'at' | 'blocks' | 'cursors'> &
  Partial<Pick<EvidenceEntry, 'mistakes' | 'judged' | 'unwatched'>> & { readonly taken: string | null }

/**
 * Takes in the windows since the last look and puts them on record as evidence, with what was decided then, and judges
 * answers of earlier looks whose labels are due. Then it says that the rollout is watched. Whoever collects a look
 * again gets what was collected first. A rollout whose candidate was refused meanwhile has the route taken from it.
 */
export async function collectEvidence(
  store: Store,
  target: Target,
  judge: Judge,
  order: EvidenceOrder,
): Promise<Collected> {
  const { rollout, endpoint, seq, before, since: startedAt } = order
  const sources = await target.look(endpoint)
  const since = { ...Object.fromEntries(Object.keys(sources).map((source) => [source, 0])), ...order.cursors }
  const { windows, cursors } = await target.evidence(endpoint, since)
  const now = Date.now()
  const unwatched = unwatchedMs(startedAt, before === null ? startedAt : Date.parse(before.at), now)
  const answers = answersIn(windows, rollout)
  const judged = order.labels && (await judge({ ...order.labels, rollout, seq, labels: answers.labels, now }))
  const entry = await publishEvidence(store, rollout, {
    ...(judged ? { ...answers, ...judged } : { answers: [], labels: [], mistakes: [], judged: 0 }),
    seq,
    at: now,
    blocks: blocksOf(windows, rollout),
    ...(unwatched > 0 && { unwatched }),
    cursors,
    before,
  })
  const taken = await whoTook(store, target, order)
  if (taken === null) await writeLease(store, { slipway: 'lease/1', rollout, seq, ms: leaseMs(now - startedAt) })
  const { at, blocks, cursors: next, mistakes, judged: upTo } = entry
  const counted = entry.unwatched === undefined ? {} : { unwatched: entry.unwatched }
  return { at, blocks, ...counted, cursors: next, mistakes, judged: upTo, taken }
}

/** @returns why the route is not the rollout's any more; null while it is */
async function whoTook(
  store: Store,
  target: Target,
  { endpoint, rollout }: Pick<EvidenceOrder, 'endpoint' | 'rollout'>,
): Promise<string | null> {
  let route = await readRoute(store, endpoint)
  if (route === undefined) return 'the route is gone'
  if (route.rollout?.id === rollout) {
    const refusal = await readRefusal(store, route.rollout.candidate)
    if (refusal === undefined) return null
    route = await endRefused(store, endpoint, route.rollout, refusalInWords(refusal))
    // Where that does not work the owner, which finds the route within half a minute, tries again.
    await target.apply(route).catch(() => {})
  }
  return (await readRouteLog(store, endpoint, route.revision))?.reason ?? `revision ${route.revision}`
}
