import { timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** Why a request is not answered, with its HTTP status. */
export interface Refused {
  readonly status: 401 | 403 | 415
  readonly message: string
}

/**
 * Names under which this server may be asked for: a page of somebody else's that had its own name point here (DNS
 * rebinding) sends another `Host`.
 * @param address of a proxy in front, where there is one: `https://console.example`
 */
export function hostsOf(port: number, address?: string): ReadonlySet<string> {
  const own = ['127.0.0.1', 'localhost', '[::1]'].map((host) => `${host}:${port}`)
  return new Set(address === undefined ? own : [...own, new URL(address).host])
}

/** Whether a request may read. */
export function refuseReading({ headers }: IncomingMessage, hosts: ReadonlySet<string>): Refused | undefined {
  if (headers.host !== undefined && hosts.has(headers.host.toLowerCase())) return undefined
  return { status: 403, message: `this console answers at ${[...hosts].join(', ')}; set SLIPWAY_CONSOLE_ADDRESS` }
}

/**
 * Whether a request may write. It brings the token in a header that only our own pages can set, as JSON, which makes
 * browsers ask first where a page of somebody else's sends it: nothing here ever allows that.
 */
export function refuseWriting(
  request: IncomingMessage,
  hosts: ReadonlySet<string>,
  token: string,
): Refused | undefined {
  const { headers } = request
  const refusal = refuseReading(request, hosts)
  if (refusal !== undefined) return refusal
  const { origin } = headers
  if (origin !== undefined && !(URL.canParse(origin) && hosts.has(new URL(origin).host)))
    return { status: 403, message: `requests from ${origin} are not taken` }
  if (!/^application\/json\b/.test(headers['content-type'] ?? ''))
    return { status: 415, message: 'send JSON: content-type: application/json' }
  if (!isToken(headers.authorization, token))
    return { status: 401, message: 'the token is missing or wrong: it is in .slipway/console.token' }
  return undefined
}

/** In a time that tells nothing of how much of it was right. */
function isToken(authorization: string | undefined, token: string): boolean {
  const given = Buffer.from(/^Bearer (.+)$/.exec(authorization ?? '')?.[1]?.trim() ?? '')
  const wanted = Buffer.from(token)
  return given.length === wanted.length && timingSafeEqual(given, wanted)
}

/** What every answer carries: scripts and styles of ours alone, no frame around, nothing guessed, nothing told. */
export const safeHeaders: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
}
