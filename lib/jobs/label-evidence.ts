import { withDuckDb } from '../data/duckdb.ts'
import { countLabelErrors } from '../data/served.ts'
import type { EvidenceEntry, LabelBlock } from '../formats/evidence.ts'
import type { LabelErrorsRule } from '../formats/rollout-policy.ts'
import type { TelemetryWindow } from '../formats/telemetry.ts'
import { isBroken } from '../store/broken.ts'
import { localFile } from '../store/objects.ts'
import { readEvidence } from '../store/rollouts.ts'
import type { Store } from '../store/store.ts'

/** Looks read at once, and judged at one look, at most. */
const readAtOnce = 32
const judgedALook = 64
/** How long labels take from a gateway to the store, ms: their windows close every few seconds. */
const settleMs = 10_000
/** Looks before an answer's in which its label may have come: by another gateway, whose window closed sooner. */
const looksAhead = 5
/** Looks kept in memory: each is asked for again until it is judged, and never changes. */
const looksKept = 20_000

/** What a look keeps of its windows for the day when labels come. */
export function answersIn(
  windows: readonly TelemetryWindow[],
  rollout: string,
): Pick<EvidenceEntry, 'answers' | 'labels'> {
  return {
    answers: windows.flatMap(({ from, to, rollout: own, capture }) =>
      own?.id === rollout && capture !== null
        ? [{ from, to, mode: own.mode, share: own.share, capture: capture.digest }]
        : [],
    ),
    labels: windows.flatMap(({ labels }) => labels?.digest ?? []),
  }
}

export interface JudgingOrder {
  readonly rollout: string
  readonly seq: number
  /** The look to be judged next. */
  readonly judged: number
  readonly rule: LabelErrorsRule
  /** Version of the candidate. */
  readonly candidate: number
  /** Labels that come in at this look. */
  readonly labels: readonly string[]
  readonly now: number
}

export type Judge = ReturnType<typeof createJudge>

/**
 * Judges answers of earlier looks that are old enough by the labels that came meanwhile: every answer once, all at the
 * same age.
 */
export function createJudge(store: Store) {
  const known = new Map<string, EvidenceEntry>()

  return async (order: JudgingOrder): Promise<Pick<EvidenceEntry, 'mistakes' | 'judged'>> => {
    const { rollout, seq, judged, rule, now } = order
    const ripe: EvidenceEntry[] = []
    for (let at = judged; at < Math.min(seq, judged + judgedALook); at++) {
      const look = await lookAt(rollout, at)
      if (look.at + rule.afterMs + settleMs > now) break
      ripe.push(look)
    }
    const answers = ripe.flatMap((look) => look.answers)
    const labels =
      answers.length === 0 ? [] : [...(await labelsSince(rollout, judged - looksAhead, seq)), ...order.labels]
    const mistakes = labels.length === 0 ? [] : await count(order, answers, [...new Set(labels)])
    return { mistakes, judged: judged + ripe.length }
  }

  /** Counts answers by their weight: what was split and what both versions answered is compared apart. */
  async function count(
    { rule, candidate }: JudgingOrder,
    all: EvidenceEntry['answers'],
    labels: readonly string[],
  ): Promise<LabelBlock[]> {
    const local = (digests: readonly string[]): Promise<string[]> =>
      Promise.all(digests.map((digest) => localFile(store, digest)))
    const byWeight = new Map<string, EvidenceEntry['answers']>()
    for (const answer of all) {
      const weight = `${answer.mode} ${answer.share}`
      byWeight.set(weight, [...(byWeight.get(weight) ?? []), answer])
    }
    const labelFiles = await local(labels)
    return withDuckDb(1, async (connection) => {
      const blocks: LabelBlock[] = []
      for (const answers of byWeight.values()) {
        const [{ mode, share }] = answers as [EvidenceEntry['answers'][number]]
        const captures = await local(answers.map(({ capture }) => capture))
        const counted = await countLabelErrors(
          connection,
          { ...rule, candidate, labels: labelFiles, captures },
          mode === 'split' ? 'split' : 'pairs',
        )
        const from = Math.min(...answers.map((each) => each.from))
        const to = Math.max(...answers.map((each) => each.to))
        if (counted.arms.nA + counted.arms.nB > 0) blocks.push({ from, to, mode, share, ...counted })
      }
      return blocks
    })
  }

  async function labelsSince(rollout: string, from: number, to: number): Promise<string[]> {
    const labels: string[] = []
    for (let at = Math.max(0, from); at < to; at += readAtOnce) {
      const seqs = Array.from({ length: Math.min(readAtOnce, to - at) }, (_, i) => at + i)
      const looks = await Promise.all(seqs.map((seq) => lookAt(rollout, seq)))
      labels.push(...looks.flatMap((look) => look.labels))
    }
    return labels
  }

  async function lookAt(rollout: string, seq: number): Promise<EvidenceEntry> {
    const name = `${rollout} ${seq}`
    const look = known.get(name) ?? (await readEvidence(store, rollout, seq).catch((error) => nothingAt(seq, error)))
    if (look === undefined) throw new Error(`look ${seq} of rollout ${rollout} is not on record`)
    known.set(name, look)
    if (known.size > looksKept) known.delete(known.keys().next().value as string)
    return look
  }
}

/** What a broken look comes to: its answers are judged by nobody, and the rollout goes on. */
function nothingAt(seq: number, error: unknown): EvidenceEntry {
  if (!isBroken(error)) throw error
  console.error(`the answers of a look are not judged: ${error.message}`)
  return { seq, at: 0, blocks: [], cursors: {}, before: null, answers: [], labels: [], mistakes: [], judged: 0 }
}
