import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bestFirst, betterOf } from '../../client/metrics.ts'
import { MetricName } from '../../lib/formats/check.ts'
import { runCommand } from '../support/run-command.ts'

/** As everybody knows them, written down apart from the product. */
const moreIsBetter = [
  ...['auc', 'accuracy', 'precision', 'recall', 'f1', 'r2'],
  ...['aucMacro', 'f1Macro', 'f1Weighted', 'balancedAccuracy', 'precisionMacro', 'recallMacro', 'top3Accuracy'],
  ...['coverage', 'meanReciprocalRank', 'meanAveragePrecision'],
  ...['ndcg', 'ndcg@1', 'ndcg@3', 'ndcg@5', 'ndcg@10', 'ndcg@20', 'ndcg@50', 'ndcg@100'],
]

describe('runs by a metric', () => {
  it('have the best first, whichever way is better, and those without it last in their order', () => {
    const runs = fc.array(fc.record({ value: fc.option(fc.double({ noNaN: true }), { nil: undefined }) }), {
      maxLength: 12,
    })
    fc.assert(
      fc.property(fc.constantFrom(...MetricName.options), runs, (metric, drawn) => {
        const sorted = drawn
          .map(({ value }, at) => ({ at, value, metrics: value === undefined ? {} : { [metric]: value } }))
          .sort(bestFirst(metric))
        const known = sorted.filter(({ value }) => value !== undefined)
        expect(sorted.slice(0, known.length)).toEqual(known)
        const best = drawn
          .flatMap(({ value }) => value ?? [])
          .sort((a, b) => (moreIsBetter.includes(metric) ? b - a : a - b))
        known.forEach(({ value }, i) => void expect((value as number) === best[i]).toBe(true))
        const unknown = sorted.slice(known.length).map(({ at }) => at)
        expect(unknown).toEqual([...unknown].sort((a, b) => a - b))
      }),
    )
  })

  it('are told which of two is the better one', () => {
    expect(betterOf('auc', 0.7, 0.6)).toBe('a')
    expect(betterOf('rmse', 0.7, 0.6)).toBe('b')
    expect(betterOf('rmse', 0.7, 0.7)).toBeUndefined()
    expect(betterOf('rmse', undefined, 0.7)).toBeUndefined()
    expect(betterOf('colour', 1, 2)).toBeUndefined()
  })

  it('are not sorted by one that there is none of: exit 2, with those there are', async () => {
    const { code, stderr } = await runCommand(process.cwd(), ['runs', '--sort', 'acu'])
    expect(code).toBe(2)
    expect(stderr).toContain(MetricName.options.join(', '))
    expect(stderr).toContain('did you mean "auc"?')
  })
})
