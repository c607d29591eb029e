import type { Calibration } from '../../../stats/calibration.ts'
import { calibratedClasses } from '../../../stats/class-calibration.ts'
import type { LearnerRows } from '../../learner.ts'
import { type Design, rowReader, sumOfRow } from '../design.ts'

/** A fitted model of several classes: what its graph computes, and what the learner computes alike. */
export interface ClassesModel {
  readonly design: Design
  /** By class: [columns], the intercept last. */
  readonly weights: readonly Float64Array[]
  /** By class: what makes a probability of its log odds, before all are made to sum to 1. */
  readonly calibrations?: readonly Calibration[] | undefined
}

/** Sums of rows, in float64: [classes][rows]. */
export function sumsOf(
  { design, weights }: ClassesModel,
  { features, labels }: Pick<LearnerRows, 'features' | 'labels'>,
) {
  const read = rowReader(design, features)
  const sums = weights.map(() => new Float64Array(labels.length))
  for (let at = 0; at < labels.length; at++) {
    const row = read(at)
    weights.forEach((own, i) => {
      ;(sums[i] as Float64Array)[at] = sumOfRow(row, own)
    })
  }
  return sums
}

/** Probabilities of sums, in float64 and then rounded, as the graph has it: [rows · classes]. */
export function probabilitiesOf({ calibrations }: ClassesModel, sums: readonly Float64Array[]): Float32Array {
  if (calibrations !== undefined) return calibratedClasses(calibrations, sums)
  const [classes, rows] = [sums.length, sums[0]?.length ?? 0]
  const probabilities = new Float32Array(classes * rows)
  const powers = new Float64Array(classes)
  for (let row = 0; row < rows; row++) {
    const largest = sums.reduce((most, own) => Math.max(most, own[row] as number), Number.NEGATIVE_INFINITY)
    let total = 0
    for (let i = 0; i < classes; i++) total += powers[i] = Math.exp((sums[i]?.[row] as number) - largest)
    for (let i = 0; i < classes; i++) probabilities[row * classes + i] = (powers[i] as number) / total
  }
  return probabilities
}
