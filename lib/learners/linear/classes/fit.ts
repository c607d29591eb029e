import { decompose, solveDecomposed } from '../cholesky.ts'
import { type Design, type DesignRow, rowReader } from '../design.ts'
import { addToHessian, type Fit } from '../fit.ts'

/** Newton's steps at most, and products with the second derivatives for each. */
const [mostSteps, mostProducts] = [100, 300]
/** Halvings of a step that makes the loss larger, at most. */
const mostHalvings = 30
/** Share of the rows' weight that the largest part of the gradient may be. */
const tolerance = 1e-10
/** Share of the loss by which its sum may be off. */
const rounding = 1e-12

/**
 * What is fitted: the log loss of rows, each by its weight, and `l2 / 2` times the squared weights without those of the
 * intercepts.
 */
export interface ClassesFitOrder {
  readonly design: Design
  readonly features: readonly Float32Array[]
  /** [rows]: numbers of classes. */
  readonly labels: Float64Array
  readonly classes: number
  /** [rows]: their sum is that of the rows that count. */
  readonly rowWeights: Float64Array | undefined
  readonly l2: number
}

/** Weights, class by class [classes · columns], and what is known of the loss there. */
interface Place {
  readonly weights: Float64Array
  readonly loss: number
  readonly gradient: Float64Array
}

/**
 * Multinomial logistic regression: the weights of least penalised loss, by Newton's method whose steps are found by
 * conjugate gradients (Nocedal and Wright, Numerical Optimization, 7.1), so that no matrix of all weights of all
 * classes is made. They are preconditioned, class by class, by Böhning's bound of the second derivatives (Böhning 1992,
 * Multinomial logistic regression algorithm), which is the same at every step. As the weights of a column sum to 0 over
 * the classes in the gradient, they do in the answer: scikit-learn's symmetric one. Sums are float64 and go through the
 * rows in their order: the same rows give the same bits.
 * @param onStep called before each step with how many were taken
 * @returns weights [classes · columns], class by class, the intercept last
 */
export function fitClasses(order: ClassesFitOrder, onStep: (taken: number) => void): Fit {
  const { rowWeights, labels, classes } = order
  const total = rowWeights === undefined ? labels.length : rowWeights.reduce((sum, weight) => sum + weight, 0)
  const likely = new Float32Array(labels.length * classes)
  const bound = boundOf(order)
  let at = derivatives(order, startOf(order), likely)
  const first = normOf(at.gradient)
  for (let steps = 0; ; steps++) {
    const converged = at.gradient.every((part) => Math.abs(part) <= tolerance * total)
    if (converged || steps === mostSteps) return { weights: at.weights, steps, converged }
    onStep(steps)
    // The nearer, the more exactly: the last steps double the digits that are right.
    const step = solve(order, at.gradient, { likely, bound, share: Math.min(0.1, normOf(at.gradient) / first) })
    const next = stepDown(order, at, step, likely)
    if (next === undefined) return { weights: at.weights, steps, converged }
    at = next
  }
}

/** Logarithms of the classes' shares as intercepts, which sum to 0. */
function startOf({ design, labels, classes, rowWeights }: ClassesFitOrder): Float64Array {
  const shares = new Float64Array(classes)
  labels.forEach((label, row) => {
    shares[label] = (shares[label] as number) + (rowWeights?.[row] ?? 1)
  })
  const logs = shares.map((share) => Math.log(Math.max(share, 1e-3)))
  const mean = logs.reduce((sum, each) => sum + each, 0) / classes
  const weights = new Float64Array(classes * design.columns)
  logs.forEach((each, own) => {
    weights[(own + 1) * design.columns - 1] = each - mean
  })
  return weights
}

/** Half of the squares of the columns, and the penalty: decomposed. It is no less than what belongs to one class. */
function boundOf({ design, features, labels, rowWeights, l2 }: ClassesFitOrder): Float64Array {
  const read = rowReader(design, features)
  const bound = new Float64Array(design.columns ** 2)
  for (let at = 0; at < labels.length; at++) addToHessian(bound, read(at), (rowWeights?.[at] ?? 1) / 2)
  for (let column = 0; column < design.columns - 1; column++) {
    const diagonal = column * (design.columns + 1)
    bound[diagonal] = (bound[diagonal] as number) + l2
  }
  decompose(bound, design.columns)
  return bound
}

/** Sums of a row's columns by their weights, one a class. */
function sumsOfRow({ numbers, ones, count }: DesignRow, weights: Float64Array, sums: Float64Array): void {
  const columns = weights.length / sums.length
  for (let own = 0; own < sums.length; own++) {
    const from = own * columns
    let sum = 0
    for (let i = 0; i < numbers.length; i++) sum += (numbers[i] as number) * (weights[from + i] as number)
    for (let i = 0; i < count; i++) sum += weights[from + (ones[i] as number)] as number
    sums[own] = sum
  }
}

/** Adds a row's columns, by a factor a class. */
function addRow(to: Float64Array, { numbers, ones, count }: DesignRow, factors: Float64Array): void {
  const columns = to.length / factors.length
  for (let own = 0; own < factors.length; own++) {
    const [from, by] = [own * columns, factors[own] as number]
    for (let i = 0; i < numbers.length; i++) to[from + i] = (to[from + i] as number) + by * (numbers[i] as number)
    for (let i = 0; i < count; i++) {
      const column = from + (ones[i] as number)
      to[column] = (to[column] as number) + by
    }
  }
}

/** What is known of a place. @param likely becomes the probabilities of the rows there [rows · classes] */
function derivatives(order: ClassesFitOrder, weights: Float64Array, likely: Float32Array): Place {
  const { design, features, labels, classes, rowWeights, l2 } = order
  const read = rowReader(design, features)
  const gradient = new Float64Array(weights.length)
  const sums = new Float64Array(classes)
  let loss = 0
  for (let at = 0; at < labels.length; at++) {
    const row = read(at)
    sumsOfRow(row, weights, sums)
    const [label, weight] = [labels[at] as number, rowWeights?.[at] ?? 1]
    let largest = Number.NEGATIVE_INFINITY
    for (let own = 0; own < classes; own++) largest = Math.max(largest, sums[own] as number)
    const ofLabel = (sums[label] as number) - largest
    let all = 0
    for (let own = 0; own < classes; own++) all += sums[own] = Math.exp((sums[own] as number) - largest)
    loss += weight * (Math.log(all) - ofLabel)
    for (let own = 0; own < classes; own++) {
      const probability = (sums[own] as number) / all
      likely[at * classes + own] = probability
      sums[own] = weight * (probability - (own === label ? 1 : 0))
    }
    addRow(gradient, row, sums)
  }
  for (let i = 0; i < weights.length; i++) {
    if (i % design.columns === design.columns - 1) continue
    const value = weights[i] as number
    loss += (l2 / 2) * value ** 2
    gradient[i] = (gradient[i] as number) + l2 * value
  }
  return { weights, loss, gradient }
}

/** Second derivatives, where rows have these probabilities, times a direction. */
function product(order: ClassesFitOrder, direction: Float64Array, likely: Float32Array): Float64Array {
  const { design, features, labels, classes, rowWeights, l2 } = order
  const read = rowReader(design, features)
  const result = new Float64Array(direction.length)
  const sums = new Float64Array(classes)
  for (let at = 0; at < labels.length; at++) {
    const row = read(at)
    sumsOfRow(row, direction, sums)
    let mean = 0
    for (let own = 0; own < classes; own++) mean += (likely[at * classes + own] as number) * (sums[own] as number)
    const weight = rowWeights?.[at] ?? 1
    for (let own = 0; own < classes; own++)
      sums[own] = weight * (likely[at * classes + own] as number) * ((sums[own] as number) - mean)
    addRow(result, row, sums)
  }
  for (let i = 0; i < direction.length; i++)
    if (i % design.columns !== design.columns - 1) result[i] = (result[i] as number) + l2 * (direction[i] as number)
  return result
}

/** How a step is looked for. */
interface Search {
  readonly likely: Float32Array
  readonly bound: Float64Array
  /** Of the gradient that may be left. */
  readonly share: number
}

/** The step that Newton's method takes, by conjugate gradients (Golub and Van Loan, Matrix Computations, 11.5.2). */
function solve(order: ClassesFitOrder, gradient: Float64Array, { likely, bound, share }: Search): Float64Array {
  const { columns } = order.design
  const eased = (vector: Float64Array): Float64Array => {
    const result = new Float64Array(vector.length)
    for (let from = 0; from < vector.length; from += columns)
      result.set(solveDecomposed(bound, vector.subarray(from, from + columns)), from)
    return result
  }
  const step = new Float64Array(gradient.length)
  const rest = gradient.slice()
  let direction = eased(rest)
  let size = dot(rest, direction)
  const enough = share ** 2 * size
  for (let products = 0; products < mostProducts && size > enough; products++) {
    const bent = product(order, direction, likely)
    const curvature = dot(direction, bent)
    if (!(curvature > 0)) break
    const length = size / curvature
    for (let i = 0; i < step.length; i++) {
      step[i] = (step[i] as number) + length * (direction[i] as number)
      rest[i] = (rest[i] as number) - length * (bent[i] as number)
    }
    const next = eased(rest)
    const before = size
    size = dot(rest, next)
    const kept = direction
    direction = next.map((value, i) => value + (size / before) * (kept[i] as number))
  }
  return step
}

/** A step from a place, or half of it, a quarter …: to the first place where the loss is not larger. */
function stepDown(order: ClassesFitOrder, from: Place, step: Float64Array, likely: Float32Array): Place | undefined {
  for (let share = 1, halvings = 0; halvings < mostHalvings; share /= 2, halvings++) {
    const weights = from.weights.map((weight, i) => weight - share * (step[i] as number))
    const place = derivatives(order, weights, likely)
    if (place.loss <= from.loss * (1 + rounding)) return place
  }
  return undefined
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number)
  return sum
}

const normOf = (vector: Float64Array): number => Math.sqrt(dot(vector, vector))
