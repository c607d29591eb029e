import { SlipwayError } from '../../formats/errors.ts'
import { channelType } from '../manifest.ts'
import { fromBase64, parseJson } from './bytes.ts'

/** What a channel says, once somebody who may say it has signed it. */
export interface SignedPublication {
  readonly model: string
  readonly manifest: string
  readonly sequence: number
}

const payloadType = 'application/vnd.in-toto+json'

interface Envelope {
  readonly payloadType: string
  readonly payload: string
  readonly signatures: readonly { readonly sig: string }[]
}

/**
 * Reads a DSSE envelope (secure-systems-lab/dsse, protocol.md) around an in-toto statement, by WebCrypto.
 * @param publicKey SPKI, base64
 * @throws SlipwayError SIGNATURE_INVALID, DOCUMENT_BROKEN
 */
export async function readEnvelope(bytes: Uint8Array, publicKey: string): Promise<SignedPublication> {
  const envelope = parseJson(bytes, 'channel.json') as Partial<Envelope> | null
  const { payload, signatures } = envelope ?? {}
  if (typeof payload !== 'string' || envelope?.payloadType !== payloadType || !Array.isArray(signatures))
    throw broken('it is no signed statement')
  const signed = decoded(payload)
  const head = new TextEncoder().encode(`DSSEv1 ${payloadType.length} ${payloadType} ${signed.length} `)
  const message = new Uint8Array(head.length + signed.length)
  message.set(head)
  message.set(signed, head.length)
  const key = await crypto.subtle.importKey('spki', fromBase64(publicKey), 'Ed25519', false, ['verify'])
  let isValid = false
  for (const { sig } of signatures as Partial<Envelope['signatures'][number]>[])
    isValid ||= typeof sig === 'string' && (await crypto.subtle.verify('Ed25519', key, decoded(sig), message))
  if (!isValid)
    throw new SlipwayError('SIGNATURE_INVALID', 'channel.json is not signed by the key that this folder was made with')
  return statementOf(parseJson(signed, 'the statement of channel.json'))
}

const broken = (why: string): SlipwayError => new SlipwayError('DOCUMENT_BROKEN', `channel.json is broken: ${why}`)

function decoded(text: string): Uint8Array {
  try {
    return fromBase64(text)
  } catch {
    throw broken('it is not base64')
  }
}

interface Statement {
  readonly predicateType: string
  readonly subject: readonly { readonly name: string; readonly digest: { readonly sha256: string } }[]
  readonly predicate: { readonly sequence: number }
}

/** A statement that is signed is as its writer meant it; it may be about something else. */
function statementOf(value: unknown): SignedPublication {
  const { predicateType, subject, predicate } = value as Partial<Statement>
  const [first] = subject ?? []
  const sequence = predicate?.sequence
  if (predicateType !== channelType || first === undefined || !Number.isSafeInteger(sequence))
    throw new SlipwayError('SIGNATURE_INVALID', 'what is signed is no publication of a model for the edge')
  return { model: first.name, manifest: `sha256:${first.digest.sha256}`, sequence: sequence as number }
}
