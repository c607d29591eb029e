import { Worker } from 'node:worker_threads'
import { builtFile } from '../../code/host.ts'
import { compiledLoops } from './compiled.ts'
import type { Loops } from './loops.ts'
import { featureStride, type TrainingMemory } from './memory.ts'
import { type Share, shareOf } from './share.ts'

type Order = keyof Share
const orders: readonly ('stop' | Order)[] = [
  'stop',
  'beginTree',
  'split',
  'updateBinary',
  'updateScores',
  'gradientsOfSquares',
  'gradientsOfClasses',
  'findLambdas',
  'packLambdas',
]

// Places in `memory.control`.
const generation = 0
const finished = 1
const orderCode = 2
const firstOperand = 3
const operandCount = 5
const broken = firstOperand + operandCount

/** The coordinator and its helper threads: each carries out an order for the rows it owns, and all are waited for. */
export interface Crew {
  run<O extends Order>(order: O, ...operands: Parameters<Share[O]>): void
  /** The same by the coordinator alone, for work that is done sooner than helpers wake. */
  runAlone<O extends Order>(order: O, ...operands: Parameters<Share[O]>): void
  /** The sum of all threads' histograms after an order that measured a leaf: [F · 512]. */
  sumHistograms(into: Float64Array): void
  dismiss(): void
}

function carryOut(share: Share, order: Order, operands: Iterable<number>): void {
  const method = share[order] as (...operands: number[]) => void
  method(...operands)
}

/** Looks before sleep: some 20 µs. */
const looks = 5_000

/**
 * Waits until a place no longer holds a value: awake for a moment, since waking takes longer than most orders, then
 * asleep.
 */
function awaitChange(control: Int32Array, place: number, value: number): void {
  for (let i = 0; i < looks; i++) if (Atomics.load(control, place) !== value) return
  while (Atomics.load(control, place) === value) Atomics.wait(control, place, value)
}

/** A helper's life: wait for an order, do its share, say so. */
export function serve(memory: TrainingMemory, thread: number): void {
  const { control } = memory
  const share = shareOf(memory, compiledLoops(memory), thread)
  for (let seen = 0; ; seen++) {
    // Whoever wakes us may be late: an order that was seen before it was announced is notified while we wait for the
    // next.
    awaitChange(control, generation, seen)
    const order = orders[control[orderCode] as number] as (typeof orders)[number]
    if (order === 'stop') return
    try {
      carryOut(share, order, control.subarray(firstOperand, firstOperand + operandCount))
    } catch (error) {
      console.error(`training: thread ${thread} cannot ${order}:`, error)
      Atomics.store(control, broken, 1)
    }
    Atomics.add(control, finished, 1)
    Atomics.notify(control, finished)
  }
}

/** @param loops those of the coordinator; helpers run the compiled ones */
export function hireCrew(memory: TrainingMemory, loops: Loops): Crew {
  const { control, histograms, features, threads } = memory
  const helpers = Array.from(
    { length: threads - 1 },
    (_, i) => new Worker(builtFile('trees-thread'), { workerData: { memory, thread: i + 1 } }),
  )
  const shares = Array.from({ length: threads }, (_, thread) => shareOf(memory, loops, thread))
  const announce = (order: 'stop' | Order): void => {
    Atomics.store(control, finished, 0)
    control[orderCode] = orders.indexOf(order)
    Atomics.add(control, generation, 1)
    Atomics.notify(control, generation)
  }
  return {
    run(order, ...operands) {
      control.set(operands, firstOperand)
      announce(order)
      carryOut(shares[0] as Share, order, operands)
      for (let done = Atomics.load(control, finished); done < helpers.length; done = Atomics.load(control, finished))
        awaitChange(control, finished, done)
      if (Atomics.load(control, broken) === 1) throw new Error('a thread of the training failed; its log says why')
    },
    runAlone(order, ...operands) {
      for (const share of shares) carryOut(share, order, operands)
    },
    sumHistograms(into) {
      const size = features * featureStride
      into.set(histograms.subarray(0, size))
      for (let thread = 1; thread < threads; thread++) {
        const offset = thread * size
        for (let i = 0; i < size; i++) into[i] = (into[i] as number) + (histograms[offset + i] as number)
      }
    },
    dismiss() {
      announce('stop')
      for (const helper of helpers) helper.unref()
    },
  }
}
