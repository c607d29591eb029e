import { SlipwayError } from '../lib/formats/errors.ts'
import { problemOf } from './problem.ts'
import type { Outgoing, Protocol } from './protocols/protocol.ts'
import { prefixOf } from './router.ts'

/** Seconds after which a client that was refused for load may ask again. */
const retryAfter = '1'

/**
 * An error, as the clients of a protocol expect it. Its code is in a header, the same in all protocols: statuses and
 * words are the protocol's own.
 * @param headers more of them, which come first
 */
export function errorAnswer(protocol: Protocol, error: unknown, headers: readonly string[] = []): Outgoing {
  // What nobody foresaw is for the log, not for the client.
  if (!(error instanceof SlipwayError)) console.error((error as Error).stack)
  const problem = problemOf(error)
  const written = protocol.error(problem)
  const retry = problem.status === 503 ? ['retry-after', retryAfter] : []
  return { ...written, headers: [...headers, 'x-slipway-error', problem.code, ...retry, ...written.headers] }
}

/** Errors where no route was reached: in the form of the protocol to whose paths a URL comes nearest. */
export interface ErrorAnswers {
  at(url: string, error: unknown, headers?: readonly string[]): Outgoing
  /** What is answered to those who are too many. */
  overloaded(url: string): Outgoing
}

/** @param protocols errors at paths that resemble none of theirs are told in the form of the first */
export function createErrorAnswers(protocols: readonly Protocol[]): ErrorAnswers {
  const overload = new SlipwayError('OVERLOADED', 'the gateway has more requests than it can answer')
  const forms = protocols.flatMap((protocol) => {
    // Made once, for there may be many of them.
    const refusal = errorAnswer(protocol, overload)
    return protocol.routes.map(({ path }) => ({ prefix: prefixOf(path), protocol, refusal }))
  })
  const [usual] = forms as [(typeof forms)[number]]
  const longestFirst = forms.toSorted((a, b) => b.prefix.length - a.prefix.length)
  const formAt = (url: string) => longestFirst.find(({ prefix }) => url.startsWith(prefix)) ?? usual
  return {
    at: (url, error, headers) => errorAnswer(formAt(url).protocol, error, headers),
    overloaded(url) {
      const { refusal } = formAt(url)
      // Copied, for whoever sends it adds to its headers.
      return { ...refusal, headers: [...refusal.headers] }
    },
  }
}
