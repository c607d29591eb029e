import type { Column } from '../lib/formats/columns.ts'
import { sliceDecisions } from '../lib/formats/decisions.ts'
import { Packed } from './bodies/packed.ts'
import type { Score } from './scorer.ts'
import type { InputColumns, InputKind, Scored, ScoringFailure } from './scoring.ts'

/** What a batcher is asked for; `columns` are of `rows` rows. */
export interface BatchItem {
  readonly kind: InputKind
  readonly columns: InputColumns | Packed<InputColumns>
  readonly rows: number
}

/** An item's deadline passed while it waited. */
export class DeadlinePassed extends Error {
  override readonly name = 'DeadlinePassed'
}

/** How long somebody waits: read when it counts, for who gives up waits no longer. */
export interface Until {
  /** `performance.now()` after which nobody waits for an answer. */
  readonly deadline: number
}

/** Waits for ever. */
export const whenever: Until = { deadline: Number.POSITIVE_INFINITY }

interface Waiting {
  readonly item: BatchItem
  readonly until: Until
  resolve(scored: Scored): void
  reject(error: unknown): void
}

/** Rows a batch may hold; an item that is larger, or packed, is a batch of its own. */
const maxBatchRows = 1024

/** Turns of the event loop a batch waits at most for requests that are being read: microseconds each. */
const mostTurns = 2

/**
 * Dynamic batching without a timer: what queued while the last batch ran is the next one. So a lone request waits for
 * nobody, and no request waits for more than the batch before it. Predictions of a row do not depend on its batch:
 * feature code was tested for that when the model was trained, and models score row by row. With a compiled model,
 * which scores in microseconds, it still pays: requests that were read together are answered together, and a turn's
 * answers cost one wake-up of those who wait for them (8 connections: 33,000 single rows a second, against 20,000 when
 * each was answered where it was read).
 */
export interface Batcher {
  /** Rows that wait. */
  readonly queued: number
  /** How long a row that comes now has to wait, ms, by the pace of the last batches. */
  readonly expectedWaitMs: number
  /** Batches that were run. */
  readonly batches: number
  /** An item that nobody waits for any more when its turn comes is not scored. */
  score(item: BatchItem, until: Until): Promise<Scored>
  /** Resolves when nothing waits and nothing runs. */
  drained(): Promise<void>
}

export function createBatcher(score: Score): Batcher {
  let queue: Waiting[] = []
  let queuedRows = 0
  let batches = 0
  let running = false
  let msPerRow = 0.02
  const idle: (() => void)[] = []

  const next = (): Waiting[] => {
    const kind = queue[0]?.item.kind
    let rows = 0
    let count = 0
    while (count < queue.length) {
      const { item } = queue[count] as Waiting
      const isAlone = item.columns instanceof Packed
      if (item.kind !== kind || (count > 0 && (isAlone || rows + item.rows > maxBatchRows))) break
      rows += item.rows
      count++
      if (isAlone) break
    }
    const batch = count === queue.length ? queue : queue.slice(0, count)
    queue = count === queue.length ? [] : queue.slice(count)
    queuedRows -= rows
    return batch
  }
  const run = async (): Promise<void> => {
    running = true
    while (queue.length > 0) {
      const batch = next()
      const start = performance.now()
      batches++
      await runBatch(score, batch.some(({ until }) => until.deadline < start) ? inTime(batch, start) : batch)
      let rows = 0
      for (const { item } of batch) rows += item.rows
      msPerRow += 0.05 * ((performance.now() - start) / rows - msPerRow)
    }
    running = false
    for (const resolve of idle.splice(0)) resolve()
  }
  /** Requests that arrived together are read one after another: while a turn brings more, the batch waits for them. */
  const gather = (before: number, turns: number): void => {
    if (queuedRows > before && turns < mostTurns) setImmediate(gather, queuedRows, turns + 1)
    else void run()
  }
  return {
    get queued() {
      return queuedRows
    },
    get expectedWaitMs() {
      return queuedRows * msPerRow
    },
    get batches() {
      return batches
    },
    score(item, until) {
      return new Promise((resolve, reject) => {
        queue.push({ item, until, resolve, reject })
        queuedRows += item.rows
        if (!running) {
          running = true
          setImmediate(gather, 0, 0)
        }
      })
    },
    drained: () => (running ? new Promise((resolve) => idle.push(resolve)) : Promise.resolve()),
  }
}

/** Those whose deadline has not passed; the others hear that it has. */
function inTime(batch: readonly Waiting[], now: number): Waiting[] {
  for (const { until, reject } of batch) if (until.deadline < now) reject(new DeadlinePassed())
  return batch.filter(({ until }) => until.deadline >= now)
}

async function runBatch(score: Score, batch: readonly Waiting[]): Promise<void> {
  const [first] = batch
  if (first === undefined) return
  const { kind, columns } = first.item
  try {
    const scored = await score(kind, batch.length === 1 ? columns : joined(batch))
    if (batch.length === 1) return first.resolve(scored)
    const { predictions, decisions } = scored
    let rows = 0
    for (const { item } of batch) rows += item.rows
    const width = predictions.length / rows
    let at = 0
    for (const { item, resolve } of batch) {
      const to = at + item.rows
      resolve({
        predictions: predictions.subarray(at * width, to * width),
        decisions: decisions && sliceDecisions(decisions, at, to),
      })
      at = to
    }
  } catch (error) {
    if (batch.length === 1 || (error as ScoringFailure).kind === 'timeout') {
      for (const { reject } of batch) reject(error)
      return
    }
    // One request's rows may be at fault: the others are not to suffer for it.
    for (const waiting of batch) await runBatch(score, [waiting])
  }
}

/** The columns of several items as one set. */
function joined(batch: readonly Waiting[]): InputColumns {
  let total = 0
  for (const { item } of batch) total += item.rows
  const columns: Record<string, Column> = {}
  const [first] = batch as [Waiting]
  const columnsOf = ({ item }: Waiting): InputColumns => item.columns as InputColumns
  for (const name of Object.keys(columnsOf(first))) {
    const sample = columnsOf(first)[name] as Column
    const target = Array.isArray(sample)
      ? new Array<string | null>(total)
      : new (sample.constructor as Float64ArrayConstructor)(total)
    let at = 0
    for (const waiting of batch) {
      const own = columnsOf(waiting)[name] as Column
      for (let i = 0; i < waiting.item.rows; i++) target[at++] = own[i] as never
    }
    columns[name] = target
  }
  return columns
}
