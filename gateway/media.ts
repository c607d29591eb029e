import { SlipwayError } from '../lib/formats/errors.ts'

/** A media type with its parameters, in lower case (RFC 9110, 8.3.1). */
export interface MediaType {
  /** `text/csv` */
  readonly type: string
  readonly parameters: Readonly<Record<string, string>>
}

export function parseMediaType(text: string): MediaType {
  const [type = '', ...rest] = text.toLowerCase().split(';')
  const parameters: Record<string, string> = {}
  for (const part of rest) {
    const [name = '', value = ''] = part.split('=')
    if (name.trim() !== '') parameters[name.trim()] = value.trim().replace(/^"(.*)"$/, '$1')
  }
  return { type: type.trim(), parameters }
}

const readable = new Set(['utf-8', 'utf8', 'us-ascii', 'ascii'])

/** @throws SlipwayError MEDIA_UNSUPPORTED for text in another encoding than UTF-8, of which ASCII is part */
export function requireReadableCharset({ parameters }: MediaType): void {
  const { charset } = parameters
  if (charset !== undefined && !readable.has(charset))
    throw new SlipwayError(
      'MEDIA_UNSUPPORTED',
      `charset ${charset.slice(0, 40)} is not read; known are utf-8 and us-ascii`,
      { next: 'send it as UTF-8' },
    )
}

/**
 * What a client prefers: names and weights of an Accept or Accept-Encoding header (RFC 9110, 12.4.2); what has no
 * weight has 1.
 */
export function weightsOf(header: string): [name: string, weight: number][] {
  return header
    .split(',')
    .map(parseMediaType)
    .filter(({ type }) => type !== '')
    .map(({ type, parameters }) => {
      const weight = Number(parameters.q ?? '1')
      return [type, weight >= 0 && weight <= 1 ? weight : 1]
    })
}

/**
 * Of what we can answer in, what the client likes most; of equals the first.
 * @param offers media types, the usual one first
 * @throws SlipwayError NOT_ACCEPTABLE when it takes none of them
 */
export function chooseMediaType<Type extends string>(accept: string | undefined, offers: readonly Type[]): Type {
  const ranges = new Map(weightsOf(accept ?? ''))
  if (ranges.size === 0) return offers[0] as Type
  // The most specific range decides (RFC 9110, 12.5.1).
  const weightOf = (offer: string): number =>
    ranges.get(offer) ?? ranges.get(offer.replace(/\/.*/, '/*')) ?? ranges.get('*/*') ?? 0
  const best = Math.max(...offers.map(weightOf))
  if (best > 0) return offers.find((offer) => weightOf(offer) === best) as Type
  throw new SlipwayError(
    'NOT_ACCEPTABLE',
    `Accept ${(accept ?? '').slice(0, 100)}: nothing of that can be answered; there are ${offers.join(', ')}`,
  )
}
