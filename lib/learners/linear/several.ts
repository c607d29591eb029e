import { columnOf, sideBySide } from '../../formats/answers.ts'
import type { Numbers } from '../../formats/columns.ts'
import { standardized, standardOf } from '../../stats/standard.ts'
import type { LearnerRows, ModelInput } from '../learner.ts'
import { type GraphNode, type GraphPart, type GraphValue, node } from '../onnx/messages.ts'
import { decompose, solveDecomposed } from './cholesky.ts'
import { rowReader, sumOfRow } from './design.ts'
import { addToGradient, derivatives, type FitOrder, tolerance } from './fit.ts'
import { linearGraph } from './graph.ts'
import { importanceOf } from './importance.ts'
import { type LinearModel, modelOf, predictLinear } from './model.ts'

/*
 * Ridge regression of several targets: a model each, whose second derivatives are the same, side by side in one graph.
 */

/** Steps with the same decomposition, at most: the second one mends what rounding left of the first. */
const mostSteps = 4

/** What several targets are fitted to, but for the labels. */
export type Ridges = Pick<FitOrder, 'design' | 'features' | 'rowWeights' | 'l2'>

/**
 * Fits each target by itself, all with one decomposition.
 * @param targets [targets][rows] of centre 0 and spread 1
 * @returns weights [targets][columns], the intercept last
 */
export function fitRidges(order: Ridges, targets: readonly Float64Array[]): Float64Array[] {
  const { columns } = order.design
  const hessian = new Float64Array(columns ** 2)
  derivatives({ ...order, task: 'regression', labels: targets[0] as Float64Array }, new Float64Array(columns), hessian)
  decompose(hessian, columns)
  const total = order.rowWeights?.reduce((sum, weight) => sum + weight, 0) ?? targets[0]?.length ?? 0
  return targets.map((labels) => {
    let weights = new Float64Array(columns)
    for (let step = 0; step < mostSteps; step++) {
      const gradient = gradientAt(order, labels, weights)
      if (gradient.every((part) => Math.abs(part) <= tolerance * total)) break
      const change = solveDecomposed(hessian, gradient)
      weights = weights.map((weight, column) => weight - (change[column] as number))
    }
    return weights
  })
}

function gradientAt({ design, features, rowWeights, l2 }: Ridges, labels: Float64Array, weights: Float64Array) {
  const read = rowReader(design, features)
  const gradient = new Float64Array(design.columns)
  labels.forEach((label, at) => {
    const row = read(at)
    addToGradient(gradient, row, (rowWeights?.[at] ?? 1) * (sumOfRow(row, weights) - label))
  })
  for (let column = 0; column < design.columns - 1; column++)
    gradient[column] = (gradient[column] as number) + l2 * (weights[column] as number)
  return gradient
}

/** Fitted models of several targets. */
export interface SeveralLinear {
  readonly models: readonly LinearModel[]
  readonly importance: readonly number[]
}

/**
 * Models of several targets, each in its own units; all in float64, where one of them needs it.
 * @param train labels are [rows · targets]
 */
export function severalLinear(
  order: Omit<Ridges, 'features'>,
  train: LearnerRows,
  { targets, inputs }: { readonly targets: number; readonly inputs: number },
): SeveralLinear {
  const columns = Array.from({ length: targets }, (_, i) => columnOf(train.labels, i, targets) as Float64Array)
  const standards = columns.map((labels) => standardOf(labels, train.weights))
  const fitted = fitRidges(
    { ...order, features: train.features },
    columns.map((labels, i) => standardized(labels, standards[i] as (typeof standards)[number])),
  )
  const own = fitted.map((weights, i) => modelOf('regression', order.design, weights, standards[i]))
  const isExact = own.some(({ restore }) => restore !== undefined)
  const models = isExact ? own.map((model) => ({ ...model, restore: model.restore ?? { scale: 1, offset: 0 } })) : own
  const shares = models.map((model, i) => importanceOf(model, { ...train, labels: columns[i] as Float64Array }, inputs))
  const importance = Array.from(
    { length: inputs },
    (_, input) => shares.reduce((sum, share) => sum + (share[input] as number), 0) / targets,
  )
  return { models, importance }
}

/** What they predict for rows: [rows · targets]. */
export const predictSeveral = (models: readonly LinearModel[], { features }: LearnerRows): Numbers => {
  const rows = features[0]?.length ?? 0
  return sideBySide(models.map((model) => predictLinear(model, { features, labels: new Float64Array(rows) })))
}

/** One graph of them: that of each under names of its own, and what they answer side by side. */
export function severalGraph(models: readonly LinearModel[], inputs: readonly ModelInput[]): GraphPart {
  const parts = models.map((model, i) => renamed(linearGraph(model, inputs), i))
  const answers = models.map((_, i) => answerName(i))
  return {
    nodes: [...parts.flatMap(({ nodes }) => nodes), node('Concat', '', answers, ['prediction'], [['axis', 'int', 1]])],
    constants: parts.flatMap(({ constants }) => constants),
  }
}

const answerName = (target: number): string => `:prediction:${target}`

function renamed({ nodes, constants }: GraphPart, target: number): GraphPart {
  const nameOf = (name: string): string => (name === 'prediction' ? answerName(target) : `${name}:${target}`)
  const inputOf = (value: GraphValue): GraphValue => (typeof value === 'string' ? nameOf(value) : value)
  return {
    nodes: nodes.map(
      (each): GraphNode => ({ ...each, inputs: each.inputs.map(inputOf), outputs: each.outputs.map(nameOf) }),
    ),
    constants: constants.map((constant) => ({ ...constant, name: nameOf(constant.name) })),
  }
}
