import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { newCertificate } from './certificate.ts'
import { keyFiles, writeWhole } from './state.ts'

/** What opens the embedded store. */
interface StoreKeys {
  /** For S3, the only port of it that anybody but itself speaks to. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
  /** What SeaweedFS is told by its environment: no secret is on its command line. */
  readonly env: Readonly<Record<string, string>>
}

/**
 * Secrets of a project's store, made when it is first started and kept; the certificate of its roles is a new one at
 * each start. Tokens alone would not do: every role wants the certificate of whoever connects to it.
 */
export function makeStoreKeys(root: string): StoreKeys {
  const files = keyFiles(root)
  if (!existsSync(files.s3)) {
    const secret = (bytes: number): string => randomBytes(bytes).toString('hex')
    const credentials = { accessKeyId: secret(10), secretAccessKey: secret(20) }
    const identity = {
      name: 'slipway',
      credentials: [{ accessKey: credentials.accessKeyId, secretKey: credentials.secretAccessKey }],
      actions: ['Admin', 'Read', 'Write', 'List', 'Tagging'],
    }
    const tokenKeys = [
      'WEED_JWT_SIGNING_KEY',
      'WEED_JWT_SIGNING_READ_KEY',
      'WEED_JWT_FILER_SIGNING_KEY',
      'WEED_JWT_FILER_SIGNING_READ_KEY',
    ]
    writeWhole(files.s3Server, JSON.stringify({ identities: [identity] }))
    writeWhole(files.filer, JSON.stringify(Object.fromEntries(tokenKeys.map((name) => [name, secret(24)]))))
    writeWhole(files.s3, JSON.stringify(credentials))
  }
  const { key, certificate } = newCertificate()
  writeWhole(files.storeTls, key + certificate)
  return {
    credentials: JSON.parse(readFileSync(files.s3, 'utf8')),
    env: { ...JSON.parse(readFileSync(files.filer, 'utf8')), ...mutualTls(files.storeTls) },
  }
}

/** Every role takes and shows one certificate, over gRPC and over HTTP: they are one process. */
function mutualTls(file: string): Record<string, string> {
  const grpc = ['MASTER', 'VOLUME', 'FILER', 'S3', 'ADMIN', 'WORKER', 'CLIENT']
  const https = ['MASTER', 'VOLUME', 'FILER', 'ADMIN', 'CLIENT']
  return Object.fromEntries([
    ['WEED_GRPC_CA', file],
    ...grpc.flatMap((role) => ['CERT', 'KEY'].map((what) => [`WEED_GRPC_${role}_${what}`, file])),
    ...https.flatMap((role) => ['CERT', 'KEY', 'CA'].map((what) => [`WEED_HTTPS_${role}_${what}`, file])),
    ['WEED_HTTPS_CLIENT_ENABLED', 'true'],
  ])
}
