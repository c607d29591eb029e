import { SlipwayError } from '../lib/formats/errors.ts'

/** gRPC's status of a server that is not there, and of one that did not answer in time: of its own clock, that is. */
const isSilence = (code: unknown, details: unknown): boolean =>
  code === 14 || (code === 4 && typeof details === 'string' && details.startsWith('Deadline exceeded'))

/**
 * That Temporal is away, as an error of ours: its SDK says it somewhere among the causes. Undefined for all else,
 * errors of ours too.
 */
export function unreachable(error: unknown): SlipwayError | undefined {
  if (error instanceof SlipwayError) return undefined
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code, details } = cause as { code?: unknown; details?: unknown }
    if (!isSilence(code, details)) continue
    return new SlipwayError(
      'TEMPORAL_UNREACHABLE',
      `the Temporal server does not answer: ${typeof details === 'string' ? details : cause.message}`,
      { next: 'check TEMPORAL_ADDRESS, or start one with `npx slipway up --detach`' },
      { cause: error },
    )
  }
  return undefined
}
