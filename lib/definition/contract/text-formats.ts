import { base64, base64url, cidrv6, emoji, hostname, ipv6, iso, jwt, url, type ZodMiniType } from 'zod/mini'
import type { Pattern, TextFormat } from '../../formats/row-schema.ts'

/*
 * Formats that zod decides by more than a pattern. Its small form decides them as the large one does, and goes along
 * with models that score in browsers.
 */

export const regExp = ({ source, flags }: Pattern): RegExp => new RegExp(source, flags)

const formats: { readonly [Name in TextFormat['name']]: (options: TextFormat) => ZodMiniType } = {
  url: (options) => url(urlOptions(options)),
  ipv6: () => ipv6(),
  cidrv6: () => cidrv6(),
  base64: () => base64(),
  base64url: () => base64url(),
  jwt: ({ alg }) => jwt(alg === undefined ? {} : { alg: alg as never }),
  emoji: () => emoji(),
  hostname: () => hostname(),
  duration: () => iso.duration(),
}

const urlOptions = (options: TextFormat): { hostname?: RegExp; protocol?: RegExp } => ({
  ...(options.hostname === undefined ? {} : { hostname: regExp(options.hostname) }),
  ...(options.protocol === undefined ? {} : { protocol: regExp(options.protocol) }),
})

/** Whether a text is of a format. */
export function hasFormat(format: TextFormat): (value: string) => boolean {
  const schema = formats[format.name](format)
  return (value) => schema.safeParse(value).success
}
