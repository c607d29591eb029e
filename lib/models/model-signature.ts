import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { canonicalJson } from '../formats/canonical.ts'
import { SlipwayError } from '../formats/errors.ts'
import { preAuthEncoding, statementType } from '../store/signing.ts'

/** The file of a folder that holds its signature, by the name that OpenSSF Model Signing gives it. */
export const signatureFile = 'model.sig'

/** Curves that OpenSSF Model Signing takes, by their names in Node, and the digest that goes with each. */
const curves: Readonly<Record<string, string>> = { prime256v1: 'sha256', secp384r1: 'sha384', secp521r1: 'sha512' }

/**
 * Reads a private key that models are signed with for others: ECDSA on P-256, P-384 or P-521, PEM.
 * @throws SlipwayError USAGE for another: Ed25519, which Slipway signs with itself, is not taken by `model_signing`
 */
export function modelKeyFrom(pem: string): KeyObject {
  const refuse = (what: string): SlipwayError =>
    new SlipwayError('USAGE', `${what}; model_signing verifies ECDSA keys on P-256, P-384 and P-521`, {
      next: 'make one: openssl ecparam -name prime256v1 -genkey -noout -out model.pem',
    })
  let key: KeyObject
  try {
    key = createPrivateKey(pem)
  } catch {
    throw refuse('this is no private key as PEM')
  }
  if ((key.asymmetricKeyDetails?.namedCurve ?? '') in curves) return key
  throw refuse(`this is a key of ${key.asymmetricKeyDetails?.namedCurve ?? key.asymmetricKeyType}`)
}

/**
 * The signature of a folder as OpenSSF Model Signing has it (predicate `https://model_signing/signature/v1.0`): an
 * in-toto statement with the sha256 of every file, in a DSSE envelope, in a bundle of Sigstore's (v0.3).
 * @param files their sha256 in hexadecimal digits, by their paths in the folder; the signature's own is none of them
 */
export function modelSignature(name: string, files: ReadonlyMap<string, string>, key: KeyObject): object {
  const resources = [...files]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, digest]) => ({ algorithm: 'sha256', digest, name: path }))
  const all = createHash('sha256')
  for (const { digest } of resources) all.update(Buffer.from(digest, 'hex'))
  const statement = {
    _type: statementType,
    subject: [{ name, digest: { sha256: all.digest('hex') } }],
    predicateType: 'https://model_signing/signature/v1.0',
    predicate: {
      serialization: {
        method: 'files',
        hash_type: 'sha256',
        allow_symlinks: false,
        ignore_paths: [signatureFile],
      },
      resources,
    },
  }
  const payload = Buffer.from(canonicalJson(statement))
  const publicPem = createPublicKey(key).export({ type: 'spki', format: 'pem' })
  const digest = curves[key.asymmetricKeyDetails?.namedCurve ?? '']
  return {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: {
      publicKey: { hint: createHash('sha256').update(publicPem).digest('hex') },
      tlogEntries: [],
    },
    dsseEnvelope: {
      payload: payload.toString('base64'),
      payloadType: 'application/vnd.in-toto+json',
      signatures: [{ sig: sign(digest, preAuthEncoding(payload), key).toString('base64'), keyid: '' }],
    },
  }
}
