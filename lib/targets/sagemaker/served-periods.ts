import { latencyBounds, type TelemetryWindow, type VersionCounts } from '../../formats/telemetry.ts'

/*
 * From what CloudWatch counted, by variant and period (a minute), to windows as gateways send them. A period counts for
 * a rollout only where one revision of the route was in force from its beginning to its end: so every block of evidence
 * has one weight. Which periods are left out depends on when the route changed, never on what was served.
 */

/** A version in the counts of CloudWatch. */
export interface CountedVersion {
  readonly digest: string
  readonly version: number
  /** The variant's name. */
  readonly variant: string
}

/** When a revision of a route was set out for, and when it was applied. */
export interface InForce {
  readonly revision: number
  /** Milliseconds since 1970; before that nothing was done for it. */
  readonly begunAt: number
  /** Null while it is not applied, or where it never was. */
  readonly appliedAt: number | null
  readonly champion: CountedVersion
  readonly candidate: CountedVersion | null
  readonly rollout: TelemetryWindow['rollout']
}

/** What one variant did in a period, as CloudWatch has it. */
export interface VariantCounts {
  /** Sum of `Invocations`. */
  readonly invocations: number
  /** Sums of `Invocation4XXErrors` and `Invocation5XXErrors`. */
  readonly refused: number
  readonly failed: number
  /** Sample count of `ModelLatency`. */
  readonly timed: number
  /** Percentile ranks of `ModelLatency`, by ms: the percentage that took at most so long. */
  readonly within: ReadonlyMap<number, number>
}

/** By the beginning of the period, ms since 1970, then by variant. */
export type Periods = ReadonlyMap<number, ReadonlyMap<string, VariantCounts>>

/** Where the windows go on. */
export interface WindowsOrder {
  readonly endpoint: string
  /** The source that numbers them. */
  readonly source: string
  /** The next window's number, and the end of the one before it, ms. */
  readonly seq: number
  readonly from: number
  readonly periodMs: number
  /** Whether slow answers are counted: by the bound of the revision in force. */
  readonly slowMs: (revision: number) => number | null
  /** Whether requests of a variant were written down in a period, whatever was counted. */
  readonly isCaptured?: ((start: number, variant: string) => boolean) | undefined
}

/**
 * Windows of the periods in which something was asked, in their order.
 * @param history revisions of the route, ascending
 */
export function windowsOf(order: WindowsOrder, history: readonly InForce[], periods: Periods): TelemetryWindow[] {
  const windows: TelemetryWindow[] = []
  let { seq, from } = order
  for (const start of [...periods.keys()].sort((a, b) => a - b)) {
    const to = start + order.periodMs
    const counts = [...(periods.get(start) ?? [])].filter(
      ([variant, { invocations }]) => invocations > 0 || order.isCaptured?.(start, variant) === true,
    )
    const begun = history.filter(({ begunAt }) => begunAt < to)
    const inForce = begun.at(-1)
    if (counts.length === 0 || inForce === undefined) continue
    for (const window of windowsIn(inForce, begun, new Map(counts), {
      start,
      slowMs: order.slowMs(inForce.revision),
    })) {
      windows.push({ ...window, endpoint: order.endpoint, gateway: order.source, seq: seq++, from, to })
      from = to
    }
  }
  return windows
}

type Counted = Omit<TelemetryWindow, 'endpoint' | 'gateway' | 'seq' | 'from' | 'to'>

/** The window of a period, and one more for every version that was asked besides the two of its route. */
function windowsIn(
  inForce: InForce,
  begun: readonly InForce[],
  counts: ReadonlyMap<string, VariantCounts>,
  { start, slowMs }: { readonly start: number; readonly slowMs: number | null },
): Counted[] {
  const { revision, champion, candidate, rollout, appliedAt } = inForce
  const isWhole = appliedAt !== null && appliedAt <= start
  const of = (version: CountedVersion): VersionCounts => versionCounts(version, counts.get(version.variant), slowMs)
  const known = [...begun].reverse().flatMap((each) => [each.champion, each.candidate])
  const isTimed = [champion, candidate].every((each) => each === null || isComplete(counts.get(each.variant), slowMs))
  const base = { slipway: 'window/1' as const, revision, pairs: null, capture: null, labels: null }
  const sharing = new Set(known.flatMap((each) => (each?.variant === champion.variant ? each.digest : [])))
  if (sharing.size > 1)
    return [{ ...base, rollout: null, champion: of(servedUnder(champion, begun, start)), candidate: null }]
  const others = [...counts.keys()].flatMap((variant) => {
    if (variant === champion.variant || variant === candidate?.variant) return []
    return known.find((each) => each?.variant === variant) ?? []
  })
  return [
    {
      ...base,
      // What is not known to be answered in time is no evidence that it was.
      rollout: isWhole && isTimed ? rollout : null,
      champion: of(champion),
      candidate: candidate === null ? null : of(candidate),
    },
    ...others.map((other) => ({ ...base, rollout: null, champion: of(other), candidate: null })),
  ]
}

/**
 * Which of the versions that share a variant was served from some time on: that of the revision applied last. While
 * SageMaker moves traffic from one to the other, CloudWatch does not tell them apart.
 */
function servedUnder(champion: CountedVersion, begun: readonly InForce[], start: number): CountedVersion {
  const applied = begun.filter(({ appliedAt }) => appliedAt !== null && appliedAt <= start).at(-1)
  const served = [applied?.candidate, applied?.champion]
  return served.find((each) => each?.variant === champion.variant) ?? champion
}

/** Whether the latency of all that was answered is known. */
function isComplete(counts: VariantCounts | undefined, slowMs: number | null): boolean {
  if (counts === undefined || counts.invocations === 0 || slowMs === null) return true
  const { invocations, refused, failed, timed, within } = counts
  return within.has(slowMs) ? timed > 0 : invocations <= refused + failed
}

function versionCounts(
  { digest, version }: CountedVersion,
  counts: VariantCounts | undefined,
  slowMs: number | null,
): VersionCounts {
  const { invocations: requests = 0, refused = 0, failed = 0, timed = 0, within } = counts ?? {}
  const isIn = slowMs === null ? undefined : within?.get(slowMs)
  const model = Math.min(failed, requests)
  const client = Math.min(refused, requests - model)
  return {
    digest: digest as VersionCounts['digest'],
    version,
    requests,
    rows: requests,
    errors: { ...(model > 0 && { model }), ...(client > 0 && { refused: client }) },
    slow: isIn === undefined ? 0 : Math.min(requests, timed - countWithin(timed, isIn)),
    latency: histogramOf(timed, within),
    scores: [],
    users: null,
    profile: {},
  }
}

/** How many of some are meant by a percentage of them. */
const countWithin = (timed: number, percent: number): number => Math.round((timed * percent) / 100)

/** Counts by `latencyBounds`, from cumulative percentages; none where CloudWatch does not know them. */
function histogramOf(timed: number, within: VariantCounts['within'] = new Map()): number[] {
  const percents = latencyBounds.flatMap((bound) => within.get(bound * 1000) ?? [])
  if (timed === 0 || percents.length < latencyBounds.length) return [...latencyBounds.map(() => 0), 0]
  let before = 0
  const counts = percents.map((percent) => {
    const upTo = Math.max(before, countWithin(timed, percent))
    const count = upTo - before
    before = upTo
    return count
  })
  return [...counts, timed - before]
}
