import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  judgeLatency,
  type LatencyBlock,
  type LatencyVerdict,
  latencyInWords,
  percentile99,
} from '../../lib/stats/latency.ts'

const limit = 10
const block = (p99: number, noopP99 = 0.01): LatencyBlock => ({ p99, noopP99 })

/** Measures as a gate does: a block more while none decides. */
function measured(blocks: readonly LatencyBlock[], of = limit): LatencyVerdict {
  for (let n = 0; ; n++) {
    const verdict = judgeLatency(blocks.slice(0, n), of)
    if (verdict !== undefined) return verdict
  }
}

describe('a gate of latency', () => {
  it('passes with the first quiet block that is fast enough, and measures no further', () => {
    expect(measured([block(9), block(1)])).toMatchObject({ state: 'passed', p99: 9, blocks: 1, counted: 1 })
    expect(measured([block(12), block(10), block(1)])).toMatchObject({
      state: 'passed',
      p99: 10,
      blocks: 2,
      counted: 2,
    })
  })

  it('fails by the best of five quiet blocks, not by the worst', () => {
    const blocks = [block(30), block(12), block(11), block(25), block(12)]
    expect(measured(blocks)).toMatchObject({ state: 'failed', p99: 11, blocks: 5, counted: 5 })
  })

  it('does not count a block in which a no-op was above a fifth of the limit, whatever it would say', () => {
    expect(measured([block(9, 2.1), block(11, 2), block(50, 9), block(11), block(12)])).toMatchObject({
      state: 'failed',
      p99: 11,
      counted: 3,
    })
    expect(measured([block(1, 2.1), block(1, 3), block(1, 9), block(1, 4), block(1, 5)])).toEqual({
      state: 'undecided',
      p99: null,
      counted: 0,
      blocks: 5,
      noopP99: 2.1,
    })
  })

  it('says what was counted', () => {
    expect(latencyInWords(measured([block(12), block(3, 0.0123)]), limit)).toBe(
      'the best of 2 blocks that count of 2 measured, a no-op beside it 0.0123 ms (p99)',
    )
    expect(latencyInWords(measured(Array.from({ length: 5 }, () => block(1, 4))), limit)).toBe(
      'not decided: in none of 5 blocks of 300 predictions did a no-op beside them stay within 2 ms, the quietest had 4 ms (p99)',
    )
  })

  it('is never failed by a neighbour alone, and passed by a quiet block only', () => {
    const noise = fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { minLength: 5, maxLength: 5 })
    fc.assert(
      fc.property(fc.double({ min: 0.001, max: limit, noNaN: true }), noise, (own, delays) => {
        // A model that is fast enough: a neighbour delays its predictions and the no-ops by the same.
        const { state, blocks } = measured(delays.map((delay) => block(own + delay, delay)))
        const wasQuiet = delays.slice(0, blocks).some((delay) => delay <= limit / 5)
        if (state === 'passed') expect(wasQuiet).toBe(true)
        if (!wasQuiet) expect(state).toBe('undecided')
        // It failed only where the quietest block was within what counts, and above the limit even so.
        if (state === 'failed') expect(own + Math.min(...delays)).toBeGreaterThan(limit)
      }),
    )
    fc.assert(
      fc.property(fc.double({ min: limit, max: 100, noNaN: true, minExcluded: true }), noise, (own, delays) => {
        // One that is too slow never passes.
        expect(measured(delays.map((delay) => block(own + delay, delay))).state).not.toBe('passed')
      }),
    )
  })

  it('has a percentile that is one of the values', () => {
    expect(percentile99(Float64Array.from({ length: 300 }, (_, i) => 300 - i) as never)).toBe(297)
    expect([percentile99([7]), percentile99([])]).toEqual([7, Number.NaN])
  })
})
