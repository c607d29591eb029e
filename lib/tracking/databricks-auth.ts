import { SlipwayError } from '../formats/errors.ts'
import type { RestSettings } from './rest.ts'
import { isLoopback } from './signed.ts'

/** A token is asked for anew this long before it ends, ms. */
const marginMs = 60_000
const timeoutMs = 30_000

/**
 * A Databricks workspace as its own tools are told where it is and who asks: `DATABRICKS_HOST`, and `DATABRICKS_TOKEN`
 * or a service principal's `DATABRICKS_CLIENT_ID` and `DATABRICKS_CLIENT_SECRET`. They are kept in memory, and sent to
 * that host alone.
 * @throws SlipwayError USAGE where something is missing, or the host would get a secret in the clear
 */
export function databricksWorkspace(env: NodeJS.ProcessEnv): RestSettings {
  const { DATABRICKS_HOST: host = '', DATABRICKS_TOKEN: token } = env
  const { DATABRICKS_CLIENT_ID: id, DATABRICKS_CLIENT_SECRET: secret } = env
  const address = workspaceAddress(host)
  const common = { address, name: 'the Databricks workspace', redirect: 'error' as const }
  if (token !== undefined && token !== '')
    return {
      ...common,
      authorization: `Bearer ${token}`,
      hint: 'see that DATABRICKS_TOKEN has not ended, and what it may do',
    }
  if (id === undefined || secret === undefined)
    throw new SlipwayError('USAGE', `nobody says as whom ${address} is asked`, {
      next: 'set DATABRICKS_TOKEN, or DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET',
    })
  return {
    ...common,
    authorization: principal(address, id, secret),
    hint: 'see what the service principal of DATABRICKS_CLIENT_ID may do',
  }
}

function workspaceAddress(host: string): string {
  const next = 'set DATABRICKS_HOST to https://…, as the browser shows it'
  if (host === '') throw new SlipwayError('USAGE', 'no Databricks workspace is named', { next })
  const text = host.includes('://') ? host : `https://${host}`
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isFit = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname))
  if (url === undefined || !isFit || url.username !== '')
    throw new SlipwayError('USAGE', 'DATABRICKS_HOST is no https:// address', { next })
  return url.origin
}

/** OAuth 2.0, client credentials (RFC 6749, 4.4), as databricks.com describes it for service principals. */
function principal(address: string, id: string, secret: string): (isRefused: boolean) => Promise<string> {
  let known: { readonly header: string; readonly endsAt: number } | undefined
  return async (isRefused) => {
    if (known === undefined || isRefused || known.endsAt - marginMs < Date.now()) known = await ask()
    return known.header
  }
  async function ask() {
    const response = await fetch(`${address}/oidc/v1/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'all-apis' }),
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    }).catch((error: Error) => {
      throw new SlipwayError('USAGE', `${address} does not answer: ${(error.cause as Error)?.message ?? error.message}`)
    })
    if (!response.ok)
      throw new SlipwayError('USAGE', `${address} gives the service principal no token: ${response.status}`, {
        next: 'see DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET',
      })
    const { access_token: token, expires_in: seconds = 3_600 } = (await response.json()) as Record<string, unknown>
    return { header: `Bearer ${token}`, endsAt: Date.now() + Number(seconds) * 1_000 }
  }
}
