import { type ErrorCode, SlipwayError } from '../lib/formats/errors.ts'
import type { Problem } from './protocols/protocol.ts'

/**
 * HTTP's status for a refused or failed request, for all protocols. Codes that are not named are our own faults: 500.
 */
export const statusOf: Partial<Record<ErrorCode, number>> = {
  REQUEST_INVALID: 400,
  KEY_UNKNOWN: 400,
  EXPLAIN_UNAVAILABLE: 400,
  UNAUTHORIZED: 401,
  NOT_FOUND: 404,
  NOT_ACCEPTABLE: 406,
  REQUEST_TOO_LARGE: 413,
  MEDIA_UNSUPPORTED: 415,
  // The rows keep their schema, and the model's own code does not take them.
  FEATURES_FAILED: 422,
  OVERLOADED: 503,
  DEADLINE_EXCEEDED: 504,
}

/** What a client is told: our own words, and of what nobody foresaw nothing but that it happened. */
export function problemOf(error: unknown): Problem {
  if (error instanceof SlipwayError)
    return { code: error.code, status: statusOf[error.code] ?? 500, message: error.message }
  return { code: 'INTERNAL', status: 500, message: 'the gateway failed; its log says why' }
}
