import { type Learner, learner, linearLearner } from 'slipway/extend'
import { z } from 'zod'

const Parameters = z.strictObject({
  kind: z.literal('winsorized'),
  /** Share of the labels at each end that are drawn in to the others. */
  share: z.number().gt(0).lt(0.5).default(0.05),
  l2: z.number().gt(0).default(1),
})

/** Ridge regression whose largest and smallest labels are drawn in first, so that a few wrong ones do not bend it. */
export const winsorizedRidge: Learner<z.infer<typeof Parameters>> = {
  kind: 'winsorized',
  parameters: Parameters,
  categoryOrder: ({ l2 }, texts) => linearLearner.categoryOrder({ kind: 'linear', l2 }, texts),

  async train({ parameters: { share, l2 }, ...order }, onProgress) {
    const { train } = order
    const [low, high] = [quantile(train.labels, share), quantile(train.labels, 1 - share)]
    const labels = train.labels.map((label) => Math.min(high, Math.max(low, label)))
    const learned = await linearLearner.train(
      { ...order, parameters: { kind: 'linear', l2 }, train: { ...train, labels } },
      onProgress,
    )
    const { words } = learned.report
    return { ...learned, report: { words: words && { ...words, model: 'winsorized ridge regression' } } }
  },
}

export const winsorized = learner(winsorizedRidge)

function quantile(values: Float64Array, share: number): number {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number
}
