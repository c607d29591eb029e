import { SlipwayError } from './errors.ts'

/** The scheme of an address: `s3`, `https`. Paths have none: they are `file`, and those of DVC's pointers `dvc`. */
export function schemeOf(uri: string): string {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(uri)?.[1]
  return scheme?.toLowerCase() ?? (uri.endsWith('.dvc') ? 'dvc' : 'file')
}

/** Parameters of addresses that are passwords by another name: whoever has the address may read the file. */
const secretParameters = /[?&](x-amz-signature|x-goog-signature|signature|sig|token|access_token|api_?key|password)=/i

/**
 * Addresses are stored with plans and shown in messages.
 * @throws SlipwayError DEFINITION_INVALID, in words that do not repeat the secret
 */
export function requireNoSecret(uri: string): void {
  const hasPassword = /^[a-z][a-z0-9+.-]*:\/\/[^/?#@]*:[^/?#]*@/i.test(uri)
  const parameter = secretParameters.exec(uri)?.[1]
  if (!hasPassword && parameter === undefined) return
  throw new SlipwayError(
    'DEFINITION_INVALID',
    `an address of ${schemeOf(uri)}:// holds a secret (${hasPassword ? 'a password' : parameter}), and addresses are stored`,
    { hasSecret: true, next: 'take it out of the address: sources take credentials from the environment' },
  )
}
