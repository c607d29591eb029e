import type { Numbers } from '../pipelines/columns.ts'

/** Bodies above this many bytes are not kept. */
const largestBody = 8_192

/** Predictions by model digest and request body; the one used longest ago goes first. */
export interface AnswerCache {
  get(digest: string, body: Buffer): Numbers | undefined
  set(digest: string, body: Buffer, predictions: Numbers): void
}

export function createAnswerCache(entries: number): AnswerCache {
  // A Map keeps the order of insertion: what is found is put in again, at the end.
  const kept = new Map<string, Numbers>()
  const keyOf = (digest: string, body: Buffer): string => `${digest} ${body.toString('latin1')}`
  return {
    get(digest, body) {
      if (body.length > largestBody) return undefined
      const key = keyOf(digest, body)
      const found = kept.get(key)
      if (found === undefined) return undefined
      kept.delete(key)
      kept.set(key, found)
      return found
    },
    set(digest, body, predictions) {
      if (body.length > largestBody) return
      kept.set(keyOf(digest, body), predictions.slice())
      if (kept.size > entries) kept.delete(kept.keys().next().value as string)
    },
  }
}
