/** The median of some figures. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] as number
}

/** Runs two things by turns and returns the medians of their times, in seconds: noise meets both alike. */
export async function interleaved(
  rounds: number,
  ours: (round: number) => Promise<unknown>,
  theirs: (round: number) => Promise<unknown>,
): Promise<{ ours: number; theirs: number }> {
  const times = { ours: [] as number[], theirs: [] as number[] }
  // The first round warms both up and does not count.
  for (let round = 0; round <= rounds; round++) {
    for (const [who, work] of [
      ['ours', ours],
      ['theirs', theirs],
    ] as const) {
      const start = performance.now()
      await work(round)
      if (round > 0) times[who].push((performance.now() - start) / 1000)
    }
  }
  return { ours: median(times.ours), theirs: median(times.theirs) }
}

/** One line of the table. */
export interface Figure {
  readonly what: string
  readonly ours: string
  readonly theirs: string
  readonly ratio: number
  readonly limit: number
  /** `at most` by default. */
  readonly bound?: 'at most' | 'at least'
}

/** Whether a figure keeps its limit. */
export function isKept({ ratio, limit, bound }: Figure): boolean {
  return bound === 'at least' ? ratio >= limit : ratio <= limit
}
