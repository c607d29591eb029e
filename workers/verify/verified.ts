import type { PredictionsApart } from '../../lib/stats/predictions-apart.ts'

/** How a step came out that was done again. */
export interface StepVerified {
  readonly name: string
  readonly kind: string
  /** `may differ`: its outputs do, and they hang on a learner that says of itself that it is not deterministic. */
  readonly outcome: 'identical' | 'may differ' | 'differs'
  readonly seconds: number
}

/** The first step that is not as it is on record, and how. */
export interface Difference {
  readonly step: string
  readonly kind: string
  readonly how: readonly string[]
}

/** Predictions for a part of the rows, by the model on record and by the one that was made again. */
export interface PartCompared extends PredictionsApart {
  readonly part: 'validation' | 'test'
}

/** A step that was not done again. */
export interface StepLeft {
  readonly step: string
  readonly why: string
}

/** What came of making a version again. */
export interface VersionVerified {
  readonly outcome: 'identical' | 'predictions agree' | 'differs'
  readonly steps: readonly StepVerified[]
  readonly difference: Difference | null
  /** Of a model that came out as other bytes, and may. */
  readonly predictions: readonly PartCompared[]
  /** Of those about this version. */
  readonly left: readonly StepLeft[]
}

/** Hears what goes on. */
export interface VerifyView {
  working(step: string, what: string, done: number): void
  finished(step: StepVerified): void
}

/** `test: 1200 predictions, largest difference 0.0031 (prediction 7), mean 0.0002; within 0.01` */
export function apartInWords({ part, predictions, largest, at, limit, mean, passed }: PartCompared): string {
  const within = passed ? 'within' : 'more than'
  return `${part}: ${predictions} predictions, largest difference ${shown(largest)} (prediction ${at + 1}), mean ${shown(mean)}; ${within} ${shown(limit)}`
}

const shown = (value: number): string => (Number.isFinite(value) ? String(Number(value.toPrecision(3))) : 'no number')
