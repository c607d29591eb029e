import type { Task } from '../../formats/plan.ts'
import { solveSymmetric } from './cholesky.ts'
import { type Design, type DesignRow, rowReader, sumOfRow } from './design.ts'

/** Newton's steps at most; each doubles the digits that are right, so that some dozen do. */
const mostSteps = 100
/** Halvings of a step that makes the loss larger, at most. */
const mostHalvings = 30
/** Share of the rows' weight that the largest part of the gradient may be. */
export const tolerance = 1e-10
/** Share of the loss by which its sum may be off: near the end a step makes less difference than that. */
const rounding = 1e-12

/**
 * What is fitted: the loss of rows, each by its weight, and `l2 / 2` times the squared weights without that of the
 * intercept.
 */
export interface FitOrder {
  readonly task: Task
  readonly design: Design
  readonly features: readonly Float32Array[]
  /** [rows]: 0 and 1, or numbers of centre 0 and spread 1. */
  readonly labels: Float64Array
  /** [rows]: their sum is that of the rows that count. */
  readonly rowWeights: Float64Array | undefined
  readonly l2: number
}

export interface Fit {
  /** [columns], the intercept last. */
  readonly weights: Float64Array
  readonly steps: number
  /** Whether the gradient became as small as it should within the steps there may be. */
  readonly converged: boolean
}

/**
 * Logistic or ridge regression: the weights of least penalised loss, by Newton's method with steps halved where they
 * are too long (iteratively reweighted least squares; Hastie, Tibshirani and Friedman, The Elements of Statistical
 * Learning, 4.4.1 and 3.4.1). Sums are float64 and go through the rows in their order: the same rows give the same
 * bits.
 * @param onStep called before each step with how many were taken
 */
export function fitLinear(order: FitOrder, onStep: (taken: number) => void): Fit {
  const { design, rowWeights, labels, task } = order
  const total = rowWeights === undefined ? labels.length : sumOf(rowWeights)
  const start = new Float64Array(design.columns)
  if (task === 'binary') start[design.columns - 1] = logOdds(labels, rowWeights)
  const hessian = new Float64Array(design.columns ** 2)
  let at = derivatives(order, start, hessian)
  for (let steps = 0; ; steps++) {
    const converged = at.gradient.every((part) => Math.abs(part) <= tolerance * total)
    if (converged || steps === mostSteps) return { weights: at.weights, steps, converged }
    onStep(steps)
    const next = stepDown(order, at, hessian)
    if (next === undefined) return { weights: at.weights, steps, converged }
    at = next
  }
}

/** Weights, and what is known of the loss there. */
interface Place {
  readonly weights: Float64Array
  readonly loss: number
  readonly gradient: Float64Array
}

/**
 * A step from a place, or half of it, a quarter …: to the first place where the loss is not larger.
 * @param hessian second derivatives at the place; afterwards at the next one
 */
function stepDown(order: FitOrder, from: Place, hessian: Float64Array): Place | undefined {
  const step = solveSymmetric(hessian, from.gradient)
  for (let share = 1, halvings = 0; halvings < mostHalvings; share /= 2, halvings++) {
    const weights = from.weights.map((weight, column) => weight - share * (step[column] as number))
    const place = derivatives(order, weights, hessian)
    if (place.loss <= from.loss * (1 + rounding)) return place
  }
  return undefined
}

/** What is known of a place; the lower triangle of the second derivatives goes into `hessian`. */
export function derivatives(order: FitOrder, weights: Float64Array, hessian: Float64Array): Place {
  const { task, design, features, labels, rowWeights, l2 } = order
  const read = rowReader(design, features)
  const gradient = new Float64Array(design.columns)
  hessian.fill(0)
  let loss = penalty(weights, l2)
  for (let at = 0; at < labels.length; at++) {
    const row = read(at)
    const sum = sumOfRow(row, weights)
    const label = labels[at] as number
    const rowWeight = rowWeights?.[at] ?? 1
    loss += rowWeight * lossOf(task, sum, label)
    const answer = task === 'binary' ? 1 / (1 + Math.exp(-sum)) : sum
    addToGradient(gradient, row, rowWeight * (answer - label))
    addToHessian(hessian, row, task === 'binary' ? rowWeight * answer * (1 - answer) : rowWeight)
  }
  for (let column = 0; column < design.columns - 1; column++) {
    gradient[column] = (gradient[column] as number) + l2 * (weights[column] as number)
    const diagonal = column * (design.columns + 1)
    hessian[diagonal] = (hessian[diagonal] as number) + l2
  }
  return { weights, loss, gradient }
}

export function addToGradient(gradient: Float64Array, { numbers, ones, count }: DesignRow, by: number): void {
  for (let i = 0; i < numbers.length; i++) gradient[i] = (gradient[i] as number) + by * (numbers[i] as number)
  for (let i = 0; i < count; i++) {
    const column = ones[i] as number
    gradient[column] = (gradient[column] as number) + by
  }
}

/** Adds `by` times the products of a row's columns. Those of 0 cost nothing, however many values texts have. */
export function addToHessian(hessian: Float64Array, { numbers, ones, count }: DesignRow, by: number): void {
  const columns = Math.sqrt(hessian.length)
  for (let i = 0; i < numbers.length; i++) {
    const [at, share] = [i * columns, by * (numbers[i] as number)]
    for (let j = 0; j <= i; j++) hessian[at + j] = (hessian[at + j] as number) + share * (numbers[j] as number)
  }
  for (let i = 0; i < count; i++) {
    const at = (ones[i] as number) * columns
    for (let j = 0; j < numbers.length; j++) hessian[at + j] = (hessian[at + j] as number) + by * (numbers[j] as number)
    for (let j = 0; j <= i; j++) {
      const place = at + (ones[j] as number)
      hessian[place] = (hessian[place] as number) + by
    }
  }
}

/** Log loss of a sum that is log odds, without overflow; or half the squared error. */
function lossOf(task: Task, sum: number, label: number): number {
  if (task === 'regression') return (sum - label) ** 2 / 2
  return Math.log1p(Math.exp(-Math.abs(sum))) + Math.max(sum, 0) - sum * label
}

function penalty(weights: Float64Array, l2: number): number {
  let squares = 0
  for (let column = 0; column < weights.length - 1; column++) squares += (weights[column] as number) ** 2
  return (l2 / 2) * squares
}

const sumOf = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0)

/**
 * Log odds of the share of ones; 0 where the rows that count are all alike, which leaves the intercept to the steps.
 */
function logOdds(labels: Float64Array, rowWeights: Float64Array | undefined): number {
  const weightOf = (row: number): number => rowWeights?.[row] ?? 1
  const ones = labels.reduce((sum, label, row) => sum + weightOf(row) * label, 0)
  const zeros = labels.reduce((sum, label, row) => sum + weightOf(row) * (1 - label), 0)
  return ones > 0 && zeros > 0 ? Math.log(ones / zeros) : 0
}
