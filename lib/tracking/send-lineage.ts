import { SlipwayError } from '../formats/errors.ts'

/** How long an answer is waited for, ms. */
const timeoutMs = 60_000

/**
 * Posts events to a server of OpenLineage, one after the other: whoever breaks off sends all of them again.
 * @param address of the server, `http://127.0.0.1:5000`, or of its events: the usual path is added where none is given
 * @param authorization the value of that header
 * @throws SlipwayError USAGE where it does not answer, or refuses an event
 */
export async function sendLineage(
  address: string,
  events: readonly object[],
  authorization: string | undefined,
): Promise<void> {
  const url = new URL(address)
  if (url.pathname === '/') url.pathname = '/api/v1/lineage'
  const headers = { 'content-type': 'application/json', ...(authorization !== undefined && { authorization }) }
  for (const event of events) {
    const request = { method: 'POST', headers, body: JSON.stringify(event), signal: AbortSignal.timeout(timeoutMs) }
    const response = await fetch(url, request).catch((error: Error) => {
      const cause = (error.cause as Error | undefined)?.message ?? error.message
      throw new SlipwayError('USAGE', `the OpenLineage server at ${url.origin} does not answer: ${cause}`, {
        next: 'see that it runs, and that the address is right; then send all again',
      })
    })
    const text = await response.text()
    if (!response.ok)
      throw new SlipwayError(
        'USAGE',
        `the OpenLineage server refuses an event: ${response.status} ${text.slice(0, 300)}`,
        {
          next: response.status === 401 ? 'set OPENLINEAGE_API_KEY' : 'see its log',
        },
      )
  }
}
