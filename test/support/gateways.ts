import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Gateway, type GatewayOptions, startGateway } from '../../gateway/gateway.ts'
import { HttpRequest } from '../../gateway/http-request.ts'
import type { Outgoing } from '../../gateway/protocols/protocol.ts'
import { readAlive } from '../../lib/store/routes.ts'
import type { Store } from '../../lib/store/store.ts'

/** A gateway on a port of its own, with settings that differ where a test says so. */
export function startTestGateway(store: Store, over: Partial<GatewayOptions> = {}): Promise<Gateway> {
  return startGateway({
    store,
    trusted: new Map(),
    folder: mkdtempSync(join(tmpdir(), 'slipway-gateway-')),
    host: '127.0.0.1',
    port: 0,
    address: undefined,
    bodyLimit: 1024 * 1024,
    textLimit: 1024 * 1024,
    timeoutMs: 10_000,
    captureRate: 0,
    alert: undefined,
    cacheEntries: 0,
    lookupBytes: 64 * 2 ** 20,
    drainMs: 0,
    windowMs: 500,
    tokens: undefined,
    allowFaults: true,
    tls: undefined,
    version: '0.0.0',
    ...over,
  })
}

/** What a gateway answers, without a socket. */
export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  json(): never
}

/** Asks a gateway, head first as its server does. */
export async function ask(
  { handler }: Gateway,
  method: string,
  url: string,
  body: string | Buffer | object = '',
  headers: Record<string, string> = {},
): Promise<Reply> {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  const request = new HttpRequest(method, url, headers, bytes)
  return reply(handler.admit(request) ?? (await handler.answer(request)))
}

function reply({ status, headers, body }: Outgoing): Reply {
  const pairs: [string, string][] = []
  for (let i = 0; i < headers.length; i += 2) pairs.push([headers[i] as string, headers[i + 1] as string])
  const bytes = Buffer.from(body as string)
  return {
    status,
    headers: Object.fromEntries(pairs),
    body: bytes,
    json: () => JSON.parse(bytes.toString('utf8')) as never,
  }
}

/** Shorter than what a test may take, so that it says what it waited for; it ends only what hangs. */
const patienceMs = 600_000

/** Waits until something holds. */
export async function eventually(holds: () => boolean | Promise<boolean>, ms = patienceMs): Promise<void> {
  for (const until = Date.now() + ms; ; ) {
    if (await holds()) return
    if (Date.now() > until) throw new Error(`not so within ${ms} ms: ${holds}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** Waits until every gateway has sent what it was asked by now. */
export async function untilSent(store: Store): Promise<void> {
  const now = Date.now()
  await eventually(async () => (await readAlive(store)).every(({ at, sentUpTo }) => Date.parse(sentUpTo ?? at) >= now))
}
