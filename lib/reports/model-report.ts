import type { Evaluation } from '../formats/evaluation.ts'
import type { GateResult } from '../formats/records.ts'
import type { TrainingReport } from '../formats/training-report.ts'
import type { TrialTimes, Tuning } from '../formats/tuning.ts'
import type { ModelQuality } from '../stats/model-quality.ts'

/** Everything the page of a packaged model shows, from what is on record about it. */
export interface ModelReport {
  readonly model: string
  /** Null where it was not registered. */
  readonly version: number | null
  readonly digest: string
  readonly aliases: readonly string[]
  readonly task: Evaluation['task']
  readonly target: string
  /** When and by what it was made; null where its run is not on record. */
  readonly made: {
    readonly run: string
    readonly at: string
    readonly origin: Readonly<Record<string, string>>
  } | null
  readonly training: TrainingReport
  /** How its parameters were chosen, where they were, and what that took; nothing of what was kept of another run. */
  readonly tuning?: { readonly trials: Tuning; readonly times: TrialTimes } | undefined
  /** The learner and its seed, in words. */
  readonly learner: string
  /** What was done to its graph, in words; nothing where that is as it was trained. */
  readonly optimised?: string
  readonly code: readonly { readonly what: string; readonly name: string; readonly digest: string }[]
  readonly data: {
    readonly snapshot: string
    readonly rows: number
    /** A row each, and how many columns are not told of. */
    readonly columns: readonly (readonly string[])[]
    readonly head: readonly string[]
    readonly more: number
  }
  readonly gates: readonly GateResult[]
  /** On which rows it was judged, how it did there, and what it rests on; null where that is not on record. */
  readonly judged: {
    readonly quality: ModelQuality
    readonly importance: Evaluation['importance']
    readonly slices: Evaluation['slices']
    /** What a function answered, where one does. */
    readonly answers?: Evaluation['answers']
  } | null
  /** What it is shown beside: what its gates compared it with, on the same rows, or what somebody asked for. */
  readonly against: {
    readonly version: string
    readonly quality: ModelQuality
    /** Whether it was measured on the same rows. */
    readonly rows: 'the same' | 'its own'
  } | null
}
