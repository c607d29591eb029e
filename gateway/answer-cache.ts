import type { Scored } from './scoring.ts'

/** Bodies above this many bytes are not kept. */
const largestBody = 8_192

/** What a request is kept by: the version that answers, how the body is read, and the body. */
export interface CacheKey {
  readonly digest: string
  /** Whatever besides the body decides what is read of it. */
  readonly form: string
  readonly body: Buffer
}

/** An answer that is kept. */
export interface Kept extends Scored {
  /** Counts its features and scores once more; made at the first hit, for most answers never have one. */
  count?: () => void
}

/** Predictions by request; the one used longest ago goes first. */
export interface AnswerCache {
  get(key: CacheKey): Kept | undefined
  set(key: CacheKey, scored: Scored): void
}

export function createAnswerCache(entries: number): AnswerCache {
  // A Map keeps the order of insertion: what is found is put in again, at the end.
  const kept = new Map<string, Kept>()
  const keyOf = ({ digest, form, body }: CacheKey): string => `${digest} ${form}\n${body.toString('latin1')}`
  return {
    get(request) {
      if (request.body.length > largestBody) return undefined
      const key = keyOf(request)
      const found = kept.get(key)
      if (found === undefined) return undefined
      kept.delete(key)
      kept.set(key, found)
      return found
    },
    set(request, { predictions, decisions }) {
      if (request.body.length > largestBody) return
      kept.set(keyOf(request), { predictions: predictions.slice(), decisions })
      if (kept.size > entries) kept.delete(kept.keys().next().value as string)
    },
  }
}
