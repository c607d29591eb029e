import { withDuckDb } from '../data/duckdb.ts'
import { countMistakes } from '../data/served.ts'
import type { MistakesRule } from '../pipelines/rollout.ts'
import type { TelemetryWindow } from '../pipelines/telemetry.ts'
import type { LabelBlock } from '../stats/block.ts'
import { localFile } from '../store/objects.ts'
import { type EvidenceEntry, readEvidence } from '../store/rollouts.ts'
import type { Store } from '../store/store.ts'

/** Looks read at once, and judged at one look. */
const readAtOnce = 32
const judgedALook = 64
/** How long labels take from a gateway to the store, ms: their windows close every few seconds. */
const settleMs = 10_000
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
  readonly rule: MistakesRule
  /** Version of the candidate. */
  readonly candidate: number
  /** Labels that come in at this look. */
  readonly labels: readonly string[]
  readonly now: number
}

/** Judges answers of earlier looks that are old enough by the labels that came meanwhile: every answer once, all at the same age. */
export function createJudge(store: Store) {
  const known = new Map<string, EvidenceEntry>()

  return async ({
    rollout,
    seq,
    judged,
    rule,
    candidate,
    labels,
    now,
  }: JudgingOrder): Promise<Pick<EvidenceEntry, 'mistakes' | 'judged'>> => {
    const looks = await looksBetween(rollout, judged, seq)
    const due = looks.findIndex(({ at }) => at + rule.afterMs + settleMs > now)
    const ripe = looks.slice(0, Math.min(judgedALook, due < 0 ? looks.length : due))
    const byWeight = new Map<string, EvidenceEntry['answers']>()
    for (const answer of ripe.flatMap(({ answers }) => answers)) {
      const weight = `${answer.mode} ${answer.share}`
      byWeight.set(weight, [...(byWeight.get(weight) ?? []), answer])
    }
    const come = [...new Set([...looks.flatMap((look) => look.labels), ...labels])]
    const mistakes: LabelBlock[] = []
    if (come.length > 0 && byWeight.size > 0) {
      const local = (digests: readonly string[]): Promise<string[]> =>
        Promise.all(digests.map((digest) => localFile(store, digest)))
      const labelFiles = await local(come)
      await withDuckDb(1, async (connection) => {
        for (const answers of byWeight.values()) {
          const [{ mode, share }] = answers as [EvidenceEntry['answers'][number]]
          const counted = await countMistakes(
            connection,
            { ...rule, candidate, labels: labelFiles, captures: await local(answers.map(({ capture }) => capture)) },
            mode === 'split' ? 'split' : 'pairs',
          )
          if (counted.arms.nA + counted.arms.nB === 0) continue
          const from = Math.min(...answers.map((each) => each.from))
          const to = Math.max(...answers.map((each) => each.to))
          mistakes.push({ from, to, mode: mode as LabelBlock['mode'], share, ...counted })
        }
      })
    }
    for (let at = judged; at < judged + ripe.length; at++) known.delete(`${rollout} ${at}`)
    return { mistakes: mistakes as never, judged: judged + ripe.length }
  }

  /** Looks from..to of a rollout, those before the one under way. */
  async function looksBetween(rollout: string, from: number, to: number): Promise<EvidenceEntry[]> {
    const looks: EvidenceEntry[] = []
    for (let at = from; at < to; at += readAtOnce) {
      const seqs = Array.from({ length: Math.min(readAtOnce, to - at) }, (_, i) => at + i)
      const read = await Promise.all(
        seqs.map((seq) => known.get(`${rollout} ${seq}`) ?? readEvidence(store, rollout, seq)),
      )
      for (const [i, look] of read.entries()) {
        if (look === undefined) throw new Error(`look ${seqs[i]} of rollout ${rollout} is not on record`)
        known.set(`${rollout} ${seqs[i]}`, look)
        if (known.size > looksKept) known.delete(known.keys().next().value as string)
        looks.push(look)
      }
    }
    return looks
  }
}
