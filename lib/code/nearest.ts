import { distance } from 'fastest-levenshtein'

/** The candidate most like a word, if it is like it at all. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates.map((candidate) => ({ candidate, d: distance(word, candidate) })).sort((a, b) => a.d - b.d)
  const best = ranked[0]
  return best !== undefined && best.d <= Math.max(2, word.length / 3) ? best.candidate : undefined
}
