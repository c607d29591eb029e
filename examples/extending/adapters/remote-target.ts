import { type Applied, type Cursors, type Serving, SlipwayError, type Target, target } from 'slipway/extend'

/**
 * A serving system of one's own that speaks four requests: PUT /routes/<endpoint>, which keeps the newest revision; GET
 * /routes/<endpoint> says what it applies; GET /sources/<endpoint> says who has served; GET /windows/<endpoint>?since=
 * gives windows.
 */
export function remote(address: string): Target {
  const ask = async <Answer>(path: string, body?: unknown): Promise<Answer> => {
    const answer = await fetch(`${address}${path}`, {
      ...(body === undefined ? {} : { method: 'PUT', body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    }).catch((error: Error) => {
      throw new SlipwayError('GATEWAY_UNREACHABLE', `${address} does not answer: ${error.message}`, {
        next: 'check SERVING_ADDRESS',
      })
    })
    if (!answer.ok) throw new SlipwayError('GATEWAY_UNREACHABLE', `${address}${path} answers ${answer.status}`)
    return (await answer.json()) as Answer
  }
  return {
    kind: 'remote',
    look: (endpoint) => ask<Record<string, Serving>>(`/sources/${endpoint}`),
    async apply(route) {
      await ask(`/routes/${route.endpoint}`, route)
    },
    async readBack({ endpoint, revision }): Promise<Applied> {
      const applied = await ask<Record<string, { revision: number }>>(`/routes/${endpoint}`)
      const behind = Object.entries(applied).filter(([, server]) => server.revision < revision)
      return { serving: Object.keys(applied).length, behind: behind.map(([name]) => name), refused: null }
    },
    evidence: (endpoint, since: Cursors) =>
      ask(`/windows/${endpoint}?since=${encodeURIComponent(JSON.stringify(since))}`),
  }
}

export const remoteTarget = target(() => remote(process.env.SERVING_ADDRESS ?? 'http://127.0.0.1:9000'))
