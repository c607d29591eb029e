import { Worker } from 'node:worker_threads'
import { builtFile } from '../../code/host.ts'
import { gradientsOfSquares, histogram, updateBinary, updateScores } from './loops.ts'
import { featureStride, groupWidth, type TrainingMemory } from './memory.ts'

/** What the crew can be told to do with a range of rows. */
export const orders = {
  stop: 0,
  histogramOfRoot: 1,
  histogramOfLeaf: 2,
  updateBinary: 3,
  updateScores: 4,
  gradientsOfSquares: 5,
} as const
type Order = keyof typeof orders

// Places in `memory.control`.
const generation = 0
const finished = 1
const orderCode = 2
const rangeFrom = 3
const rangeTo = 4

/** The coordinator and its helper threads: each order is cut into equal ranges, one a thread, and waited for. */
export interface Crew {
  run(order: Order, from: number, to: number): void
  /** The sum of all threads' histograms after a histogram order: [groups · 8 · 512]. */
  sumHistograms(into: Float64Array): void
  dismiss(): void
}

/** One order's share of a thread. */
export function carryOut(memory: TrainingMemory, code: number, thread: number, threads: number): void {
  const from = memory.control[rangeFrom] as number
  const rows = (memory.control[rangeTo] as number) - from
  const start = from + Math.floor((rows * thread) / threads)
  const end = from + Math.floor((rows * (thread + 1)) / threads)
  if (code === orders.histogramOfRoot || code === orders.histogramOfLeaf)
    histogram(memory, thread, start, end, code === orders.histogramOfRoot)
  else if (code === orders.updateBinary) updateBinary(memory, start, end)
  else if (code === orders.updateScores) updateScores(memory, start, end)
  else if (code === orders.gradientsOfSquares) gradientsOfSquares(memory, start, end)
}

/** A helper's life: wait for an order, do its share, say so. */
export function serve(memory: TrainingMemory, thread: number, threads: number): void {
  const { control } = memory
  for (let seen = 0; ; seen++) {
    // Whoever wakes us may be late: an order that was seen before it was announced is notified while we wait for the next.
    while (Atomics.load(control, generation) === seen) Atomics.wait(control, generation, seen)
    const code = control[orderCode] as number
    if (code === orders.stop) return
    carryOut(memory, code, thread, threads)
    Atomics.add(control, finished, 1)
    Atomics.notify(control, finished)
  }
}

export function hireCrew(memory: TrainingMemory, threads: number): Crew {
  const { control, histograms } = memory
  const helpers = Array.from(
    { length: threads - 1 },
    (_, i) => new Worker(builtFile('trees-thread'), { workerData: { memory, thread: i + 1, threads } }),
  )
  const announce = (code: number): void => {
    Atomics.store(control, finished, 0)
    control[orderCode] = code
    Atomics.add(control, generation, 1)
    Atomics.notify(control, generation)
  }
  return {
    run(order, from, to) {
      control[rangeFrom] = from
      control[rangeTo] = to
      announce(orders[order])
      carryOut(memory, orders[order], 0, threads)
      for (let done = Atomics.load(control, finished); done < helpers.length; done = Atomics.load(control, finished))
        Atomics.wait(control, finished, done)
    },
    sumHistograms(into) {
      const size = memory.groups * groupWidth * featureStride
      into.set(histograms.subarray(0, size))
      for (let thread = 1; thread < threads; thread++) {
        const offset = thread * size
        for (let i = 0; i < size; i++) into[i] = (into[i] as number) + (histograms[offset + i] as number)
      }
    },
    dismiss() {
      announce(orders.stop)
      for (const helper of helpers) helper.unref()
    },
  }
}
