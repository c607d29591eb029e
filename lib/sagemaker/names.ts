import { digestOfJson, hexOf } from '../store/digest.ts'

/** Characters of a digest in a name: 64 bits. */
const digits = 16
/** SageMaker's bound for most names. */
const mostCharacters = 63

/**
 * The name of something in SageMaker that is the same whenever it is asked for again: a stem for people, which is cut
 * where it is too long, and a digest of what it is.
 * @param what whatever tells it from others
 * @param ending stands behind the digest, for instance the number of an attempt
 * @param most characters
 * @returns [a-zA-Z0-9-], beginning and ending with a letter or a digit
 */
export function sageMakerName(stem: string, what: unknown, ending = '', most = mostCharacters): string {
  const digest = hexOf(digestOfJson(what)).slice(0, digits)
  const tail = ending === '' ? digest : `${digest}-${ending}`
  const room = most - tail.length - 1
  const readable = stem
    .replaceAll(/[^a-zA-Z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, room)
    .replace(/-+$/, '')
  return readable === '' ? tail : `${readable}-${tail}`
}

/** A tag of Slipway's. */
export interface Tag {
  readonly Key: string
  readonly Value: string
}

/** Characters that values of tags may have; what else there is becomes a dash. */
const notInTags = /[^\p{L}\p{Z}\p{N}_.:/=+\-@]/gu

/** Tags `slipway:<name>`, of what is there. */
export const sageMakerTags = (values: Readonly<Record<string, string | number | undefined>>): Tag[] =>
  Object.entries(values).flatMap(([name, value]) =>
    value === undefined
      ? []
      : [{ Key: `slipway:${name}`, Value: String(value).replaceAll(notInTags, '-').slice(0, 256) }],
  )
