/** The median of some figures. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] as number
}

interface Sides {
  readonly ours: number
  readonly theirs: number
}

/**
 * Runs two things by turns and returns the medians of their times, in seconds: noise meets both alike.
 * @param spent processor time so far of all that takes part, s: then the medians of what each round spent are told too
 */
export async function interleaved(
  rounds: number,
  ours: (round: number) => Promise<unknown>,
  theirs: (round: number) => Promise<unknown>,
  spent: () => number = () => 0,
): Promise<Sides & { readonly processor: Sides }> {
  const times = { ours: [] as number[], theirs: [] as number[] }
  const processor = { ours: [] as number[], theirs: [] as number[] }
  // The first round warms both up and does not count.
  for (let round = 0; round <= rounds; round++) {
    for (const [who, work] of [
      ['ours', ours],
      ['theirs', theirs],
    ] as const) {
      const [start, before] = [performance.now(), spent()]
      await work(round)
      if (round === 0) continue
      times[who].push((performance.now() - start) / 1000)
      processor[who].push(spent() - before)
    }
  }
  return {
    ours: median(times.ours),
    theirs: median(times.theirs),
    processor: { ours: median(processor.ours), theirs: median(processor.theirs) },
  }
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
