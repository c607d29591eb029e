import { SlipwayError } from '../../lib/formats/errors.ts'
import { invalid } from '../../lib/models/rows.ts'
import { smallBody } from '../bodies/json-bounds.ts'

/** Fields that a message may have at its top: inputs of a model, no more. */
const mostFields = 100_000

/**
 * Some fields of a message, as a message: what is said of a large one before it is read. The others are passed over.
 * @param fields their numbers
 * @throws SlipwayError REQUEST_INVALID for what is no message, REQUEST_TOO_LARGE
 */
export function headOfMessage(message: Buffer, fields: readonly number[]): Buffer {
  const kept: Buffer[] = []
  let size = 0
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = message[at++]
      if (byte === undefined) break
      // Past 32 bits shifts would begin anew.
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    throw invalid('the message ends in the middle of a field')
  }
  for (let count = 0; at < message.length; count++) {
    if (count === mostFields)
      throw new SlipwayError('REQUEST_TOO_LARGE', `the message has more than ${mostFields} fields: send fewer tensors`)
    const start = at
    const tag = varint()
    const wire = tag % 8
    if (wire === 0) varint()
    else if (wire === 1) at += 8
    else if (wire === 5) at += 4
    else if (wire === 2) {
      const length = varint()
      at += length
    } else throw invalid(`the message has a field of wire type ${wire}`)
    if (at > message.length) throw invalid('the message ends in the middle of a field')
    if (!fields.includes(Math.floor(tag / 8))) continue
    size += at - start
    if (size > smallBody) throw invalid('what a request asks for takes more than a name')
    kept.push(message.subarray(start, at))
  }
  return Buffer.concat(kept)
}
