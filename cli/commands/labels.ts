import { resolve } from 'node:path'
import { gatewayAddress, gatewayClient } from '../../client/gateway-client.ts'
import { withDuckDb } from '../../lib/data/duckdb.ts'
import { readLabels } from '../../lib/data/labels.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { openContext } from '../context.ts'
import { type JsonOption, tableAt } from '../options.ts'
import { print, printJson } from '../output.ts'

/** Labels a request to the gateway holds. */
const batch = 1_000

/**
 * `labels import file.parquet`: sends labels to a gateway. Columns: `label`, and `requestId` or `key` (text, numbers or
 * UUIDs); if there, `row` and `at` (when it became known).
 */
export async function importLabels(
  file: string,
  options: JsonOption & { endpoint?: string; classes?: boolean },
): Promise<number> {
  const context = openContext()
  const address = await gatewayAddress(context)
  const client = gatewayClient(address, 4, context.gateway)
  const path = resolve(file)
  let sent = 0
  await withDuckDb(1, async (connection) => {
    for await (const all of readLabels(connection, tableAt(path), options.classes)) {
      for (let from = 0; from < all.length; from += batch) {
        const labels = all.slice(from, from + batch)
        const body = JSON.stringify(labels.map((label) => ({ ...label, endpoint: options.endpoint })))
        const answer = await client.post('/feedback', body).catch((error: Error) => {
          throw new SlipwayError('GATEWAY_UNREACHABLE', `the gateway at ${address} does not answer: ${error.message}`, {
            next: `${sent} labels were taken; import again, what was taken counts once`,
          })
        })
        if (answer.status !== 202)
          throw new SlipwayError(
            'REQUEST_INVALID',
            `labels ${sent + 1} to ${sent + labels.length} were refused: ${(JSON.parse(answer.body) as { error?: string }).error ?? answer.status}`,
            { next: 'correct the file and import it again: what was taken counts once' },
          )
        sent += labels.length
      }
    }
  })
  client.close()
  if (options.json === true) printJson({ accepted: sent })
  else print(`${sent} labels taken by ${address}`)
  return 0
}
