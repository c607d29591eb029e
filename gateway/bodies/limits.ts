import { SlipwayError } from '../../lib/formats/errors.ts'
import { parseMediaType } from '../media.ts'
import type { Incoming } from '../protocols/protocol.ts'
import { smallBody } from './json-bounds.ts'

/** Bytes that bodies of requests for predictions may have. */
export interface BodyLimits {
  /** Of tensors as bytes: they are read as they lie. */
  readonly bodyLimit: number
  /** Of JSON and CSV: values made of them take ten times as many. */
  readonly textLimit: number
}

/** Of what asks for no predictions and does not say otherwise: a few words. */
export const usualLimit = smallBody

const lengthHeader = 'inference-header-content-length'

/** Bytes that a request for predictions may have, by what it says it is. */
export function limitOf(request: Pick<Incoming, 'header'>, { bodyLimit, textLimit }: BodyLimits): number {
  const isText = request.header(lengthHeader) === undefined && saysText(request.header('content-type') ?? '')
  return isText ? Math.min(bodyLimit, textLimit) : bodyLimit
}

/** What does not say what it is is JSON, and so is what curl says of its own. */
function saysText(contentType: string): boolean {
  const { type } = parseMediaType(contentType)
  if (type.endsWith('binary+json')) return false
  return (
    type === '' || type.startsWith('text/') || type.includes('json') || type === 'application/x-www-form-urlencoded'
  )
}

/** @param when in words, where the bytes are not those that were sent */
export const largerThan = (limit: number, when = ''): SlipwayError =>
  new SlipwayError(
    'REQUEST_TOO_LARGE',
    `the body is larger than ${limit} bytes${when}: send less at once, tensors as binary data, or score a table as a batch`,
  )
