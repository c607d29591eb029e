import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign as signBytes,
  verify as verifyBytes,
} from 'node:crypto'
import { z } from 'zod'
import { shortDigest } from '../formats/artifact.ts'
import { canonicalJson } from '../formats/canonical.ts'
import { SlipwayError } from '../formats/errors.ts'
import { isBroken, readAs } from './broken.ts'
import { hexOf } from './digest.ts'
import { publishOnce, readKeptDocument } from './documents.ts'
import type { Store } from './store.ts'

/** What a signature speaks about: user code, a model package, the manifest of a batch, or of a model for the edge. */
export type Subject = 'code' | 'model' | 'batch' | 'edge'

export interface Signer {
  readonly keyId: string
  readonly key: KeyObject
}

/**
 * Public keys whose signatures count, by key id. Empty means that nothing was configured and only digests are checked.
 */
export type TrustedKeys = ReadonlyMap<string, KeyObject>

const payloadType = 'application/vnd.in-toto+json'
/** A DSSE envelope around an in-toto statement. */
export const Envelope = z.object({
  payloadType: z.literal(payloadType),
  payload: z.base64(),
  signatures: z.array(z.object({ keyid: z.string(), sig: z.base64() })).min(1),
})
export type Envelope = z.infer<typeof Envelope>
/** Of in-toto statements. */
export const statementType = 'https://in-toto.io/Statement/v1'
const Statement = z.object({
  _type: z.literal(statementType),
  subject: z.array(z.object({ name: z.string(), digest: z.object({ sha256: z.string() }) })).length(1),
  predicateType: z.string(),
  predicate: z.record(z.string(), z.json()),
})

/** The first 16 hexadecimal digits of the sha256 of the public key (SPKI, DER). */
export function keyIdOf(key: KeyObject): string {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex')
    .slice(0, 16)
}

/** Reads an Ed25519 private key (PKCS 8, PEM). */
export function signerFrom(pem: string): Signer {
  const key = createPrivateKey(pem)
  return { keyId: keyIdOf(key), key }
}

/** Reads Ed25519 public keys (SPKI, PEM). */
export function trustedKeysFrom(pems: readonly string[]): TrustedKeys {
  return new Map(pems.map((pem) => createPublicKey(pem)).map((key) => [keyIdOf(key), key]))
}

/** A fresh Ed25519 pair, both as PEM. */
export function newKeyPair(): { privateKey: string; publicKey: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  return {
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }) as string,
  }
}

/** Pre-authentication encoding of DSSE (secure-systems-lab/dsse, protocol.md): what is signed. */
export function preAuthEncoding(payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `), payload])
}

const signatureKey = (digest: string, keyId: string): string => `signatures/${hexOf(digest)}/${keyId}.json`
const predicateTypeOf = (subject: Subject): string => `urn:slipway:${subject}:v1`

/** What is signed, and what is claimed of it. */
export interface Signed {
  readonly subject: Subject
  readonly name: string
  readonly digest: string
  readonly claim?: Readonly<Record<string, unknown>>
}

/** The public half of a signer's key: SPKI, base64. */
export const publicKeyOf = ({ key }: Signer): string =>
  createPublicKey(key).export({ type: 'spki', format: 'der' }).toString('base64')

/** A digest and what is claimed of it, signed: an in-toto statement in a DSSE envelope. */
export function signedEnvelope(signer: Signer, { subject, name, digest, claim = {} }: Signed): Envelope {
  const statement = {
    _type: statementType,
    subject: [{ name, digest: { sha256: hexOf(digest) } }],
    predicateType: predicateTypeOf(subject),
    predicate: claim,
  }
  const payload = Buffer.from(canonicalJson(statement))
  const sig = signBytes(null, preAuthEncoding(payload), signer.key).toString('base64')
  return { payloadType, payload: payload.toString('base64'), signatures: [{ keyid: signer.keyId, sig }] }
}

/** What an envelope says, whoever signed it; undefined where it says nothing of such a subject. */
export function signedIn(envelope: Uint8Array, subject: Subject): Signed | undefined {
  const outer = readAs(envelope, Envelope)
  const inner = 'why' in outer ? outer : readAs(Buffer.from(outer.value.payload, 'base64'), Statement)
  if ('why' in inner || inner.value.predicateType !== predicateTypeOf(subject)) return undefined
  const [{ name, digest }] = inner.value.subject as [(typeof inner.value.subject)[number]]
  return { subject, name, digest: `sha256:${digest.sha256}`, claim: inner.value.predicate }
}

/** The envelopes of a digest that some keys made, by the ids of these. */
export async function storedEnvelopes(
  store: Store,
  digest: string,
  keyIds: readonly string[],
): Promise<ReadonlyMap<string, Envelope>> {
  const found = new Map<string, Envelope>()
  for (const keyId of new Set(keyIds)) {
    const envelope = await readKeptDocument(store, signatureKey(digest, keyId), Envelope)
    if (envelope !== undefined) found.set(keyId, envelope)
  }
  return found
}

/** Signs a digest and what is claimed of it, and stores the envelope beside it. */
export async function sign(store: Store, signer: Signer, signed: Signed): Promise<void> {
  await publishOnce(store, signatureKey(signed.digest, signer.keyId), Envelope, signedEnvelope(signer, signed))
}

/**
 * Makes sure that a trusted key signed this digest as what it is to be used for.
 * @returns the id of that key; undefined when no trusted keys are configured.
 * @throws SlipwayError SIGNATURE_INVALID
 */
export function requireSigned(
  store: Store,
  trusted: TrustedKeys,
  subject: Subject,
  digest: string,
): Promise<string | undefined> {
  return requireEnvelope((keyId) => readKeptDocument(store, signatureKey(digest, keyId), Envelope), trusted, {
    subject,
    digest,
  })
}

/**
 * The same, wherever envelopes lie.
 * @param read the envelope of a key, by its id
 * @throws SlipwayError SIGNATURE_INVALID
 */
export async function requireEnvelope(
  read: (keyId: string) => Promise<Envelope | undefined>,
  trusted: TrustedKeys,
  { subject, digest }: Pick<Signed, 'subject' | 'digest'>,
): Promise<string | undefined> {
  if (trusted.size === 0) return undefined
  const refused: string[] = []
  for (const [keyId, key] of trusted) {
    try {
      const envelope = await read(keyId)
      if (envelope === undefined) continue
      const problem = problemWith(envelope, key, keyId, subject, digest)
      if (problem === undefined) return keyId
      refused.push(problem)
    } catch (error) {
      if (!isBroken(error)) throw error
      refused.push(`the signature of ${keyId} is broken: ${error.facts.why}`)
    }
  }
  const why = refused.length > 0 ? refused.join('; ') : `none of the ${trusted.size} trusted keys has signed it`
  throw new SlipwayError('SIGNATURE_INVALID', `${subject} ${shortDigest(digest)} is refused: ${why}`, {
    digest,
    next: 'plan it with a key this worker trusts (SLIPWAY_SIGNING_KEY), or add that key to SLIPWAY_TRUSTED_KEYS',
  })
}

function problemWith(
  envelope: Envelope,
  key: KeyObject,
  keyId: string,
  subject: Subject,
  digest: string,
): string | undefined {
  const payload = Buffer.from(envelope.payload, 'base64')
  const valid = envelope.signatures.some(({ sig }) =>
    verifyBytes(null, preAuthEncoding(payload), key, Buffer.from(sig, 'base64')),
  )
  if (!valid) return `the signature of ${keyId} does not match its contents`
  const statement = readAs(payload, Statement)
  if ('why' in statement || statement.value.predicateType !== predicateTypeOf(subject))
    return `${keyId} signed something else than a ${subject}`
  return statement.value.subject[0]?.digest.sha256 === hexOf(digest) ? undefined : `${keyId} signed another digest`
}
