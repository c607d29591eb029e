import { Agent, request } from 'node:http'
import { request as tlsRequest } from 'node:https'
import { SlipwayError } from '../lib/formats/errors.ts'
import { patience } from '../lib/formats/patience.ts'
import { type Outage, rideOut } from '../lib/store/outage.ts'
import { readAlive } from '../lib/store/routes.ts'
import type { ClientContext } from './context.ts'

const timedOut = (what: string): Error => Object.assign(new Error(what), { code: 'ETIMEDOUT' })

/** What a gateway answered. */
export interface Answer {
  readonly status: number
  readonly body: string
  readonly version: string
  readonly role: string
  readonly ms: number
}

/** Where a gateway is: from the environment or the platform, else one that says in the store that it runs. */
export async function gatewayAddress({ settings, store }: ClientContext): Promise<string> {
  if (settings.gateway !== undefined) return settings.gateway
  const [first] = await readAlive(store)
  if (first !== undefined) return first.address
  throw new SlipwayError('GATEWAY_UNREACHABLE', 'no gateway runs', {
    next: 'start one with `npx slipway gateway`, or set SLIPWAY_GATEWAY_ADDRESS',
  })
}

/** Errors of a connection that nobody took, or that went away with its gateway. */
const isAway = (error: unknown): boolean =>
  ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT'].includes((error as NodeJS.ErrnoException).code ?? '')

/**
 * Asks gateways over connections that are kept; `SLIPWAY_GATEWAY_TOKEN` goes along where it is set.
 * @param outage rides out times in which the gateway is away: for what may be sent twice. Without it that is an
 * answer too, for those who count
 */
export function gatewayClient(address: string, connections: number, outage?: Outage) {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const { hostname, port, protocol } = new URL(address)
  const token = process.env.SLIPWAY_GATEWAY_TOKEN
  return {
    close: () => agent.destroy(),
    post: (path: string, body: string, headers: Record<string, string> = {}): Promise<Answer> =>
      rideOut(outage, () => send(path, body, headers), isAway),
  }

  function send(path: string, body: string, headers: Record<string, string>): Promise<Answer> {
    const start = performance.now()
    return new Promise((resolve, reject) => {
      const options = {
        hostname,
        port,
        path,
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...headers,
        },
      }
      const sent = protocol === 'https:' ? tlsRequest(options) : request({ ...options, agent })
      sent.once('response', (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => {
          text += chunk
        })
        response.once('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            body: text,
            version: String(response.headers['x-model-version'] ?? ''),
            role: String(response.headers['x-slipway-role'] ?? ''),
            ms: performance.now() - start,
          }),
        )
        response.once('error', reject)
      })
      sent.once('error', reject)
      // One that takes a request and is silent, and one whose answer never ends.
      sent.setTimeout(patience.silent, () => sent.destroy(timedOut(`nothing came for ${patience.silent / 1000} s`)))
      const late = timedOut(`its answer did not end within ${patience.whole / 1000} s`)
      const timer = setTimeout(() => sent.destroy(late), patience.whole)
      sent.once('close', () => clearTimeout(timer))
      sent.end(body)
    })
  }
}
