import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'

/**
 * A new key with a certificate that it signed itself, as PEM, for both ends of mutual TLS on 127.0.0.1. Whoever trusts
 * this certificate alone talks to holders of this key alone, so no authority is needed. It is valid whenever a clock
 * says it is used: who may hold the key is a matter of the file it is in.
 */
export function newCertificate(): { readonly key: string; readonly certificate: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  // Positive, and of no fewer bytes than it has: hence its first bits.
  const serial = randomBytes(16)
  const contents = sequence(
    tagged(0xa0, integer(2)),
    integer(0x40 | ((serial[0] as number) & 0x3f), ...serial.subarray(1)),
    ecdsaWithSha256,
    name,
    sequence(tagged(0x17, text('000101000000Z')), tagged(0x18, text('99991231235959Z'))),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(sequence(identifier(85, 29, 17), tagged(0x04, sequence(localhost))))),
  )
  const signature = sign('sha256', contents, privateKey)
  const der = sequence(contents, ecdsaWithSha256, tagged(0x03, Buffer.from([0]), signature))
  const lines = der.toString('base64').match(/.{1,64}/g) as string[]
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    certificate: ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n'),
  }
}

// X.509 version 3 (RFC 5280, 4.1), in DER (ITU-T X.690): a tag, a length, contents.

function tagged(tag: number, ...parts: Buffer[]): Buffer {
  const contents = Buffer.concat(parts)
  const { length } = contents
  const sized = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...sized]), contents])
}

const sequence = (...parts: Buffer[]): Buffer => tagged(0x30, ...parts)
const integer = (...bytes: number[]): Buffer => tagged(0x02, Buffer.from(bytes))
const identifier = (...bytes: number[]): Buffer => tagged(0x06, Buffer.from(bytes))
const text = (ascii: string): Buffer => Buffer.from(ascii, 'ascii')

const ecdsaWithSha256 = sequence(identifier(42, 134, 72, 206, 61, 4, 3, 2))
/** The common name `slipway-store`. */
const name = sequence(tagged(0x31, sequence(identifier(85, 4, 3), tagged(0x0c, text('slipway-store')))))
/** As an alternative name: clients hold it to the address they connect to. */
const localhost = tagged(0x87, Buffer.from([127, 0, 0, 1]))
