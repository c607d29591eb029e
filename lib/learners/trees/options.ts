import { isOfClasses } from '../../formats/code-ref.ts'
import { SlipwayError } from '../../formats/errors.ts'
import type { TreesLearner } from '../../formats/learner.ts'
import type { LearnerOrder, LearnerRows, ModelInput } from '../learner.ts'
import type { Direction } from './bounds.ts'

/**
 * How the answer may change with each input.
 * @throws SlipwayError FEATURES_TYPE where a name is no number of the model's, or the task has several classes
 */
export function directionsOf({
  parameters,
  inputs,
  task,
  levels,
}: LearnerOrder<TreesLearner>): Direction[] | undefined {
  const { monotone, quantile } = parameters
  if (monotone === undefined) return undefined
  if (quantile !== undefined || levels !== undefined)
    throw new SlipwayError('FEATURES_TYPE', 'trees of a quantile keep no monotone constraints', {
      next: 'leave monotone out, or quantile',
    })
  if ((task as string) === 'multiclass')
    throw new SlipwayError('FEATURES_TYPE', 'trees of several classes keep no monotone constraints', {
      next: 'leave monotone out: what grows for one class falls for another',
    })
  const numbers = inputs.flatMap((input) => (input.kind === 'number' ? [input.name] : []))
  for (const name of Object.keys(monotone)) {
    if (numbers.includes(name)) continue
    const isText = inputs.some((input) => input.name === name)
    const what = isText ? 'is a text' : 'the feature function does not make'
    throw new SlipwayError('FEATURES_TYPE', `monotone names the feature "${name}", which ${what}`, {
      next: `numbers are ${numbers.join(', ')}`,
    })
  }
  const signs = { increasing: 1, decreasing: -1 } as const
  return inputs.map(({ name }: ModelInput) => {
    const direction = Object.hasOwn(monotone, name) ? monotone[name] : undefined
    return direction === undefined ? 0 : signs[direction]
  })
}

/**
 * The rows' weights with those of their classes, which the training rows decide: balanced ones are rows / (classes ·
 * rows of the class), by weight, as scikit-learn's.
 * @throws SlipwayError WEIGHTS_INVALID where a class is named that there is not, or the task has none
 */
export function withClassWeights(
  { parameters, task, classes, train }: LearnerOrder<TreesLearner>,
  rows: LearnerRows,
): LearnerRows {
  const { classWeights } = parameters
  if (classWeights === undefined) return rows
  if (!isOfClasses(task))
    throw new SlipwayError('WEIGHTS_INVALID', 'classWeights are of classes, and this target is a number', {
      next: 'leave them out, or weigh rows by a column: p.train(name, { weight })',
    })
  const names = classes ?? ['0', '1']
  const factors = classWeights === 'balanced' ? balanced(train, names.length) : named(classWeights, names)
  const weights = Float32Array.from(
    rows.labels,
    (label, row) => (rows.weights?.[row] ?? 1) * (factors[label] as number),
  )
  return { ...rows, weights }
}

function balanced({ labels, weights }: LearnerRows, classes: number): number[] {
  const sums = Array.from({ length: classes }, () => 0)
  labels.forEach((label, row) => {
    sums[label] = (sums[label] as number) + (weights?.[row] ?? 1)
  })
  const total = sums.reduce((sum, each) => sum + each, 0)
  return sums.map((sum) => (sum === 0 ? 0 : total / (classes * sum)))
}

function named(given: Readonly<Record<string, number>>, names: readonly string[]): number[] {
  const unknown = Object.keys(given).find((name) => !names.includes(name))
  if (unknown !== undefined)
    throw new SlipwayError('WEIGHTS_INVALID', `classWeights name the class "${unknown}", which no training row has`, {
      next: `classes are ${names.join(', ')}`,
    })
  return names.map((name) => (Object.hasOwn(given, name) ? (given[name] as number) : 1))
}

/**
 * @throws SlipwayError TARGET_INVALID where a quantile is asked for of classes, or of several numbers, or first ranks
 *   are of no ranking
 */
export function requireNumber({ parameters, task, outputs }: LearnerOrder<TreesLearner>): void {
  if (parameters.truncation !== undefined && task !== 'ranking')
    throw new SlipwayError('TARGET_INVALID', `truncation is of a ranking's pairs, and this target is ${task}`, {
      next: 'leave truncation out, or take ranking(…)',
    })
  if (parameters.quantile === undefined || (task === 'regression' && outputs === undefined)) return
  throw new SlipwayError(
    'TARGET_INVALID',
    `trees of a quantile predict a number, and this target is ${task === 'regression' ? `${outputs?.length} numbers` : task}`,
    {
      next: 'take regression(…), or leave quantile out',
    },
  )
}
