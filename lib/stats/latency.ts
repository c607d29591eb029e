/**
 * A stretch of single-row predictions on the machine that judges, each with a no-op beside it: 99th percentiles, ms.
 */
export interface LatencyBlock {
  readonly p99: number
  /** Of what a no-op took longer than it was to: what the machine takes for others. */
  readonly noopP99: number
}

/** Predictions of a block. */
export const blockPredictions = 300
/** Blocks that a gate is judged by, at most. */
const maxBlocks = 5
/** A block counts if a no-op's p99 is at most this share of the limit. */
const quietShare = 1 / 5

export interface LatencyVerdict {
  /** Undecided: no block counts, so nothing is known of the model. */
  readonly state: 'passed' | 'failed' | 'undecided'
  /** The best p99 of the blocks that count, ms. */
  readonly p99: number | null
  readonly counted: number
  readonly blocks: number
  /** The no-op's p99 in the best block; where none counts, in the quietest. */
  readonly noopP99: number
}

/**
 * Whether 99 of 100 predictions take at most `limit` ms, by the best block that counts: a busy neighbour makes a block
 * worse, never better.
 * @returns undefined while more blocks could still change the answer
 */
export function judgeLatency(blocks: readonly LatencyBlock[], limit: number): LatencyVerdict | undefined {
  const counting = blocks.filter(({ noopP99 }) => noopP99 <= limit * quietShare)
  const [best] = [...counting].sort((a, b) => a.p99 - b.p99)
  const hasPassed = best !== undefined && best.p99 <= limit
  if (!hasPassed && blocks.length < maxBlocks) return undefined
  return {
    state: best === undefined ? 'undecided' : hasPassed ? 'passed' : 'failed',
    p99: best?.p99 ?? null,
    counted: counting.length,
    blocks: blocks.length,
    noopP99: best?.noopP99 ?? Math.min(...blocks.map(({ noopP99 }) => noopP99)),
  }
}

/** The value that 99 of 100 do not exceed; NaN of none. */
export function percentile99(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.ceil(0.99 * sorted.length) - 1] ?? Number.NaN
}

/** The blocks behind a verdict, in words. */
export function latencyInWords({ state, counted, blocks, noopP99 }: LatencyVerdict, limit: number): string {
  const ms = Number(noopP99.toPrecision(3))
  if (state === 'undecided')
    return `not decided: in none of ${blocks} blocks of ${blockPredictions} predictions did a no-op beside them stay within ${limit * quietShare} ms, the quietest had ${ms} ms (p99)`
  return `the best of ${counted} block${counted === 1 ? '' : 's'} that count${counted === 1 ? 's' : ''} of ${blocks} measured, a no-op beside it ${ms} ms (p99)`
}
