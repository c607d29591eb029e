import { status as code, Metadata } from '@grpc/grpc-js'
import { problemOf } from '../problem.ts'
import type { Outgoing } from '../protocols/protocol.ts'

/** How a call ended, with words, and what is said besides behind it. */
export interface CallStatus {
  readonly code: number
  readonly details: string
  readonly metadata: Metadata
}

/** gRPC's codes for HTTP's statuses, which problems are known by here. Others are our own faults. */
const codes: Readonly<Record<number, number>> = {
  400: code.INVALID_ARGUMENT,
  401: code.UNAUTHENTICATED,
  404: code.NOT_FOUND,
  406: code.INVALID_ARGUMENT,
  413: code.RESOURCE_EXHAUSTED,
  415: code.INVALID_ARGUMENT,
  // The message is right, and the model's own code does not take it: asking again does not help.
  422: code.FAILED_PRECONDITION,
  501: code.UNIMPLEMENTED,
  503: code.UNAVAILABLE,
  504: code.DEADLINE_EXCEEDED,
}

/** Headers of answers that say how bodies lie in HTTP. */
const ofHttp = new Set(['content-type', 'content-length', 'content-encoding'])

/** Words go in a header, whose length is limited. */
const mostWords = 2_000
/** When to ask again, ms, for clients that are set up to do so (gRFC A6). */
const pushback = '1000'

/** Headers as metadata. */
function metadataOf(headers: readonly string[]): Metadata {
  const metadata = new Metadata()
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    if (!ofHttp.has(name)) metadata.set(name, headers[i + 1] as string)
  }
  return metadata
}

/**
 * The same before an answer: names and values are our own, and right, so that they are not checked one by one, which
 * takes longer than many an answer.
 */
class ReadyMetadata extends Metadata {
  private readonly headers: Record<string, string>

  constructor(headers: Record<string, string>) {
    super()
    this.headers = headers
  }

  override toHttp2Headers(): Record<string, string> {
    return this.headers
  }
}

export function answerMetadata(headers: readonly string[]): Metadata {
  const ready: Record<string, string> = {}
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    if (!ofHttp.has(name)) ready[name] = headers[i + 1] as string
  }
  return new ReadyMetadata(ready)
}

/** How a call ends that was refused or failed. */
export function failedCall({ status, headers, body }: Outgoing): CallStatus {
  const metadata = metadataOf(headers)
  if (status === 503) metadata.set('grpc-retry-pushback-ms', pushback)
  return { code: codes[status] ?? code.INTERNAL, details: wordsOf(String(body)), metadata }
}

/** The same of an error. */
export function callStatusOf(error: unknown): CallStatus {
  const { status, message } = problemOf(error)
  return failedCall({ status, headers: [], body: message })
}

/** Whole characters alone: percent-encoding throws at half of one. */
const wordsOf = (text: string): string =>
  Buffer.from(text.length > mostWords ? `${text.slice(0, mostWords)}…` : text).toString()
