import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { trees as treesLearner } from '../../lib/definition/learners.ts'
import { boost, type Dataset } from '../../lib/learners/trees/boost.ts'
import { compiledLoops } from '../../lib/learners/trees/compiled.ts'
import type { Ensemble } from '../../lib/learners/trees/ensemble.ts'
import { toOnnx } from '../../lib/learners/trees/graph.ts'
import { type Loops, plainLoops } from '../../lib/learners/trees/loops.ts'
import { allocate, type TrainingMemory } from '../../lib/learners/trees/memory.ts'
import { fillLogistic, fillLogLosses, fillLogs } from '../../lib/learners/trees/tables.ts'
import { seededRandom } from '../../lib/stats/random.ts'

interface Shape {
  readonly rows: number
  readonly validationRows: number
  readonly features: number
}

const column = (rows: number, random: () => number): Float32Array =>
  Float32Array.from({ length: rows }, () =>
    random() % 10 === 0 ? Number.NaN : (random() % 300) - 150 + (random() % 4) / 4,
  )
const cutsOf = (count: number): Float32Array => Float32Array.from({ length: count }, (_, i) => i - count / 2)

/** A memory in the middle of a training: two leaves, rows out of order, scores beyond the tables. */
function midway({ rows, validationRows, features }: Shape, seed: number): TrainingMemory {
  const random = seededRandom(seed)
  const weighted = random() % 2 === 0
  const sums = 1 + (random() % 6)
  const memory = allocate({ rows, validationRows, features, threads: 1, weighted, sums })
  fillLogistic(memory.logistic)
  fillLogLosses(memory.logLosses)
  fillLogs(memory.logs)
  const all = rows + validationRows
  for (let i = 0; i < all; i++) {
    memory.order[i] = i
    memory.classes[i] = random() % 2
    memory.leafOf[i] = random() % 2
    if (weighted) memory.weights[i] = [0, 1, 65_535][random() % 5] ?? random() % 65_536
  }
  for (let i = 0; i < sums * all; i++) memory.scores[i] = (random() / 2 ** 32 - 0.5) * (random() % 20 === 0 ? 300 : 10)
  for (let i = 0; i < rows; i++) memory.gradients[i] = (((random() % 65_535) - 32_767) << 16) | (random() % 65_536)
  for (let i = rows - 1; i > 0; i--) {
    const other = random() % (i + 1)
    const row = memory.order[i] as number
    memory.order[i] = memory.order[other] as number
    memory.order[other] = row
  }
  for (let bin = 0; bin < 256; bin++) memory.goesLeft[bin] = random() % 2
  memory.leafValues.set([0.37, -1.91])
  return memory
}

/** Every loop once, on a range that may begin and end anywhere; what they return. */
function runAll(memory: TrainingMemory, loops: Loops, from: number, to: number, seed: number): number[] {
  const random = seededRandom(seed)
  const { rows, validationRows, features } = memory
  const all = rows + validationRows
  for (let feature = 0; feature < features; feature++) {
    const cuts = cutsOf(random() % 254)
    loops.fillColumn(memory, feature, 0, column(rows, random), cuts)
    loops.fillColumn(memory, feature, rows, column(validationRows, random), cuts)
  }
  loops.histogram(memory, 0, from, to)
  const middle = loops.partition(memory, features - 1, from, to)
  loops.mark(memory, 1, from, middle)
  loops.updateBinary(memory, from, to)
  const losses = [loops.logLoss(memory, rows, all), loops.squaredLoss(memory, rows, all)]
  const largest = loops.updateScores(memory, from, to)
  loops.gradientsOfSquares(memory, largest, from, to)
  if (memory.weights.length > 0) loops.weigh(memory, random() % 2 === 0 ? 0 : 16, from, to)
  loops.resetOrder(memory, from, middle)
  if (memory.sums > 1) {
    losses.push(loops.classLoss(memory, rows, all))
    loops.gradientsOfClasses(memory, from, to)
  }
  return [middle, largest, ...losses]
}

/** All that a training leaves behind; scratch is nobody's business. */
const stateOf = ({ bins, gradients, scores, order, leafOf, histograms }: TrainingMemory): Buffer[] =>
  [bins, gradients, scores, order, leafOf, histograms].map((view) =>
    Buffer.from(new Uint8Array(view.buffer, view.byteOffset, view.byteLength)),
  )

describe('the compiled loops', () => {
  it('leave the same bytes as the plain ones, whatever the shape and the range', () => {
    fc.assert(
      fc.property(
        fc.record({
          rows: fc.integer({ min: 1, max: 1_500 }),
          validationRows: fc.integer({ min: 0, max: 60 }),
          features: fc.integer({ min: 1, max: 19 }),
        }),
        fc.nat(),
        fc.nat(),
        fc.nat(),
        (shape, seed, a, b) => {
          const [from, to] = [a % (shape.rows + 1), b % (shape.rows + 1)].sort((x, y) => x - y) as [number, number]
          const [plain, compiled] = [midway(shape, seed), midway(shape, seed)]
          const expected = runAll(plain, plainLoops, from, to, seed)
          expect(runAll(compiled, compiledLoops(compiled), from, to, seed)).toEqual(expected)
          expect(Buffer.concat(stateOf(compiled)).equals(Buffer.concat(stateOf(plain)))).toBe(true)
        },
      ),
      { numRuns: 60 },
    )
  })

  it.each([
    ['smallest', -32_767],
    ['largest', 32_767],
  ])('sum 100,000 rows of the %s gradient and the largest hessian without overflow', (_, gradient) => {
    const memory = allocate({ rows: 100_000, validationRows: 0, features: 3, threads: 1 })
    const loops = compiledLoops(memory)
    memory.gradients.fill((gradient << 16) | 65_535)
    loops.resetOrder(memory, 0, 100_000)
    loops.histogram(memory, 0, 0, 100_000)
    for (const feature of [0, 1, 2])
      expect([...memory.histograms.slice(feature * 512, feature * 512 + 4)]).toEqual([
        gradient * 100_000,
        65_535 * 100_000,
        0,
        0,
      ])
  })

  it('work at the end of 3.9 GB, where an address is negative as a signed number', () => {
    const shape: Shape = { rows: 195_000_000, validationRows: 101, features: 2 }
    const [from, to] = [shape.rows - 999, shape.rows]
    const [plain, compiled] = [plainLoops, undefined].map((given) => {
      const memory = allocate({ ...shape, threads: 1 })
      expect(memory.memory.buffer.byteLength).toBeGreaterThan(3.9e9)
      const loops = given ?? compiledLoops(memory)
      const random = seededRandom(5)
      fillLogistic(memory.logistic)
      fillLogLosses(memory.logLosses)
      memory.leafValues.set([0.5, -0.25])
      memory.goesLeft.fill(1, 0, 100)
      for (const feature of [0, 1]) loops.fillColumn(memory, feature, from, column(1_100, random), cutsOf(200))
      for (let row = from; row < to; row++) memory.classes[row] = random() % 2
      loops.resetOrder(memory, from, to)
      loops.updateBinary(memory, from, to)
      const middle = loops.partition(memory, 1, from, to)
      loops.mark(memory, 1, middle, to)
      loops.histogram(memory, 0, from, middle)
      const largest = loops.updateScores(memory, from, to)
      const loss = [loops.logLoss(memory, from, to + 101), loops.squaredLoss(memory, from, to + 101)]
      const { gradients, scores, order, leafOf, histograms } = memory
      return [
        middle,
        largest,
        ...loss,
        ...[gradients, scores, order, leafOf].map((view) => [...view.slice(from, to)]),
        [...histograms],
      ]
    })
    expect(compiled).toEqual(plain)
  })
})

describe('the log loss', () => {
  it('is right to 1.2e-7, beyond its table as well', () => {
    const memory = allocate({ rows: 1, validationRows: 4_000, features: 1, threads: 1 })
    fillLogLosses(memory.logLosses)
    for (let i = 0; i < 4_000; i++) {
      memory.classes[1 + i] = i % 2
      memory.scores[1 + i] = (i - 2_000) / 60
      const score = memory.scores[1 + i] as number
      const exact = Math.log1p(Math.exp(i % 2 === 1 ? -score : score))
      expect(Math.abs(plainLoops.logLoss(memory, 1 + i, 2 + i) - exact)).toBeLessThan(1.2e-7)
    }
  })
})

describe('the loss and the gradients of several classes', () => {
  const sums = 5
  const memory = allocate({ rows: 4_000, validationRows: 0, features: 1, threads: 1, sums })
  fillLogs(memory.logs)
  const random = seededRandom(3)
  memory.classes.forEach((_, row) => {
    memory.classes[row] = random() % sums
    for (let sum = 0; sum < sums; sum++)
      memory.scores[sum * 4_000 + row] = (random() / 2 ** 32 - 0.5) * (row % 7 === 0 ? 60 : 8)
  })
  const exactOf = (row: number): { readonly shares: number[]; readonly loss: number } => {
    const scores = Array.from({ length: sums }, (_, sum) => memory.scores[sum * 4_000 + row] as number)
    const largest = Math.max(...scores)
    const total = scores.reduce((sum, score) => sum + Math.exp(score - largest), 0)
    const own = scores[memory.classes[row] as number] as number
    return { shares: scores.map((score) => Math.exp(score - largest) / total), loss: Math.log(total) - (own - largest) }
  }

  it('lose at most 1e-6 and half a unit against exact ones', () => {
    plainLoops.gradientsOfClasses(memory, 0, 4_000)
    for (let row = 0; row < 4_000; row++) {
      const { shares, loss } = exactOf(row)
      expect(Math.abs(plainLoops.classLoss(memory, row, row + 1) - loss)).toBeLessThan(1e-6)
      shares.forEach((share, sum) => {
        const packed = memory.gradients[sum * 4_000 + row] as number
        const gradient = share - (memory.classes[row] === sum ? 1 : 0)
        expect(Math.abs((packed >> 16) - gradient * 32_767)).toBeLessThan(0.52)
        const hessian = Math.max(1, share * (1 - share) * 4 * 65_535)
        expect(Math.abs((packed & 0xffff) - hessian)).toBeLessThan(0.6)
      })
    }
  })
})

describe('boosting', () => {
  const random = seededRandom(11)
  const uniform = (): number => random() / 2 ** 32
  const classes = ['low', 'middling', 'high', 'higher', 'highest']
  function data(rows: number, features: number, task: Ensemble['task']): Dataset {
    const columns = Array.from({ length: features }, (_, feature) =>
      Float32Array.from({ length: rows }, () =>
        uniform() < 0.05 ? Number.NaN : feature % 3 === 0 ? Math.floor(uniform() * 7) : uniform() * 100,
      ),
    )
    const labels = Float32Array.from({ length: rows }, (_, row) => {
      const sum = columns.reduce((total, values, i) => total + ((values[row] as number) || 20) / (i + 1), 0)
      const noisy = sum / 40 + uniform() - 1.5
      if (task === 'multiclass') return Math.max(0, Math.min(classes.length - 1, Math.floor(noisy * 2)))
      return task === 'binary' ? (noisy > 0.5 ? 1 : 0) : noisy * 1_000
    })
    return { features: columns, labels }
  }

  it.each([
    ['binary', 3_001, 6, 31, 'rows alike'],
    ['regression', 3_001, 6, 31, 'rows alike'],
    ['binary', 2_503, 11, 255, 'rows alike'],
    ['regression', 2_503, 17, 255, 'rows alike'],
    ['binary', 70_003, 1, 7, 'rows alike'],
    ['binary', 3_001, 6, 31, 'rows weighed, sets'],
    ['regression', 3_001, 6, 31, 'rows weighed, sets'],
    ['multiclass', 3_001, 6, 31, 'rows alike'],
    ['multiclass', 2_502, 9, 255, 'rows weighed, sets'],
  ] as const)(
    'makes the same bytes with plain and with compiled loops on one, two and three threads: %s, %i rows, %i features, %i leaves, %s',
    (task, rows, features, leaves, rest) => {
      const [train, validation] = [data(rows, features, task), data(457, features, task)].map((made) =>
        rest === 'rows alike'
          ? made
          : {
              ...made,
              weights: made.labels.map(() => uniform() * 3),
              categories: made.features.map((_, i) => (i % 3 === 0 ? 7 : undefined)),
            },
      ) as [Dataset, Dataset]
      const inputs = train.features.map((_, i) => ({ name: `f${i}`, kind: 'number' as const }))
      const learner = treesLearner({ trees: 12, leaves, minRowsPerLeaf: 5, earlyStopping: 8 })
      const grow = (threads: number, loopsFor?: (memory: TrainingMemory) => Loops): string => {
        const several = task === 'multiclass' ? classes : undefined
        const grown = boost(task, { train, validation }, learner, { threads, loopsFor, classes: several?.length })
        const bytes = Buffer.from(toOnnx('m', grown.ensemble, inputs, several)).toString('base64')
        return JSON.stringify([bytes, grown.validationLoss, grown.importance])
      }
      const plain = grow(1, () => plainLoops)
      for (const threads of [1, 2, 3]) expect(grow(threads) === plain, `${threads} threads`).toBe(true)
    },
  )
})
