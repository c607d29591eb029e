import type { Trial } from '../../formats/tuning.ts'

/** Trials by how they ended: those on the most rows first, of these the least loss; those that failed come last. */
export const bestFirst = <Some extends Trial>(trials: readonly Some[]): Some[] =>
  [...trials].sort((a, b) => rankOf(a) - rankOf(b) || b.share - a.share || lossOf(a) - lossOf(b) || a.number - b.number)

const rankOf = ({ result }: Trial): number => (result?.state === 'done' ? 0 : 1)
const lossOf = ({ result }: Trial): number => (result?.state === 'done' ? result.loss : 0)
