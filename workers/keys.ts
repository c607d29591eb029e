import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { SlipwayError } from '../lib/formats/errors.ts'
import { type TrustedKeys, trustedKeysFrom } from '../lib/store/signing.ts'

/** A key of a file. @throws SlipwayError USAGE where the file holds none */
export function keyOf<T>(file: string, read: (pem: string) => T): T {
  const pem = readKey(file)
  try {
    return read(pem)
  } catch (error) {
    throw new SlipwayError('USAGE', `the file ${file} holds no key: ${(error as Error).message}`, {
      next: 'check SLIPWAY_SIGNING_KEY (PKCS 8) and SLIPWAY_TRUSTED_KEYS (SPKI): Ed25519 keys as PEM',
    })
  }
}

/** The text of a file that holds a key or a token. @throws SlipwayError USAGE */
export function readKey(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new SlipwayError('USAGE', `the file ${file} cannot be read: ${(error as Error).message}`, {
      next: 'check SLIPWAY_SIGNING_KEY, SLIPWAY_TRUSTED_KEYS and SLIPWAY_ALERT_TOKEN_FILE',
    })
  }
}

/** Files of public keys that a setting names: files, and folders of `.pub` files. */
export function keyFilesIn(setting: string): string[] {
  return setting.split(delimiter).flatMap((path) => {
    if (!existsSync(path) || !statSync(path).isDirectory()) return [path]
    return readdirSync(path)
      .filter((file) => file.endsWith('.pub'))
      .map((file) => join(path, file))
  })
}

/** Public keys by their ids. @throws SlipwayError USAGE */
export function keysIn(files: readonly string[]): TrustedKeys {
  return new Map(files.flatMap((file) => [...keyOf(file, (pem) => trustedKeysFrom([pem]))]))
}
