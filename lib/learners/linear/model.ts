import type { Numbers } from '../../formats/columns.ts'
import type { Task } from '../../formats/plan.ts'
import { type Calibration, calibrated } from '../../stats/calibration.ts'
import { needsFloat64, type Standard, scaleOf } from '../../stats/standard.ts'
import type { LearnerRows } from '../learner.ts'
import { type Design, rowReader, sumOfRow } from './design.ts'

/** A fitted model: what its graph computes, and what the learner computes alike. */
export interface LinearModel {
  readonly task: Task
  readonly design: Design
  /** [columns], the intercept last; of a regression in units of the target, unless `restore` brings the sum there. */
  readonly weights: Float64Array
  /** Of a binary task: what makes a probability of log odds, where it is not the logistic function. */
  readonly calibration?: Calibration | undefined
  /** What makes predictions of sums, in float64, where float32 cannot hold them: scale · sum + offset. */
  readonly restore?: { readonly scale: number; readonly offset: number } | undefined
}

/** A model of labels as they were, of weights fitted to labels of centre 0 and spread 1. */
export function modelOf(
  task: Task,
  design: Design,
  weights: Float64Array,
  standard: Standard | undefined,
): LinearModel {
  if (standard === undefined) return { task, design, weights }
  const scale = scaleOf(standard)
  if (needsFloat64(standard)) return { task, design, weights, restore: { scale, offset: standard.centre } }
  const scaled = weights.map((weight) => weight * scale)
  scaled[design.columns - 1] = (scaled[design.columns - 1] as number) + standard.centre
  return { task, design, weights: scaled }
}

/** The learner's own predictions: sums in float64, answers in the precision of the model, as its graph has it. */
export function predictLinear(
  { task, design, weights, calibration, restore }: LinearModel,
  { features, labels }: Pick<LearnerRows, 'features' | 'labels'>,
): Numbers {
  const read = rowReader(design, features)
  const answers = restore === undefined ? new Float32Array(labels.length) : new Float64Array(labels.length)
  for (let at = 0; at < labels.length; at++) {
    const sum = sumOfRow(read(at), weights)
    if (calibration !== undefined) answers[at] = calibrated(calibration, Math.fround(sum))
    else if (restore !== undefined) answers[at] = Math.fround(sum) * restore.scale + restore.offset
    else answers[at] = task === 'binary' ? 1 / (1 + Math.exp(-sum)) : sum
  }
  return answers
}
