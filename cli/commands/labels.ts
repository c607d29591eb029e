import { resolve } from 'node:path'
import { readColumns } from '../../data/columns.ts'
import { withDuckDb } from '../../data/duckdb.ts'
import { inspect } from '../../data/table.ts'
import { type Column, rowCount } from '../../pipelines/columns.ts'
import { SlipwayError } from '../../pipelines/errors.ts'
import type { RowSchema } from '../../pipelines/row-schema.ts'
import { openContext } from '../context.ts'
import { gatewayAddress, gatewayClient } from '../gateway-client.ts'
import { type JsonOption, tableAt } from '../options.ts'
import { print, printJson } from '../output.ts'

/** Labels a request to the gateway holds. */
const batch = 1_000

/**
 * `labels import file.parquet`: sends labels to a gateway. Columns: `label`, and `requestId` or `key`; if there, `row` and `at`
 * (when it became known).
 */
export async function importLabels(file: string, options: JsonOption & { endpoint?: string }): Promise<number> {
  const context = openContext()
  const address = await gatewayAddress(context)
  const client = gatewayClient(address, 4)
  const path = resolve(file)
  let sent = 0
  await withDuckDb(1, async (connection) => {
    const { schema, rows } = await schemaOfLabels(connection, path)
    const table = { ...tableAt(path), schema, rows }
    for await (const chunk of readColumns(connection, table, schema)) {
      const count = rowCount(chunk)
      for (let from = 0; from < count; from += batch) {
        const labels = Array.from({ length: Math.min(batch, count - from) }, (_, i) => labelOf(chunk, from + i))
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

async function schemaOfLabels(
  connection: Parameters<typeof inspect>[0],
  path: string,
): Promise<{ schema: RowSchema; rows: number }> {
  const source = tableAt(path)
  const label = { name: 'label', type: 'number' as const, nullable: false }
  const optional = [
    { name: 'requestId', type: 'string' as const, nullable: true },
    { name: 'key', type: 'string' as const, nullable: true },
    { name: 'row', type: 'integer' as const, nullable: true },
    { name: 'at', type: 'timestamp' as const, nullable: true },
  ]
  const rows = await inspect(connection, { ...source, schema: [label] }, path)
  const schema: RowSchema = [label]
  for (const rule of optional) {
    const isThere = await inspect(connection, { ...source, schema: [rule] }, path).then(
      () => true,
      (error) => {
        if (error instanceof SlipwayError && error.code === 'COLUMN_MISSING') return false
        throw error
      },
    )
    if (isThere) schema.push(rule)
  }
  if (!schema.some(({ name }) => name === 'requestId' || name === 'key'))
    throw new SlipwayError('COLUMN_MISSING', `${path} has neither a column requestId nor key`, {
      next: 'say which prediction each label is of',
    })
  return { schema, rows }
}

function labelOf(chunk: Readonly<Record<string, Column>>, i: number): Record<string, unknown> {
  const at = chunk.at?.[i] as number | undefined
  const row = chunk.row?.[i] as number | undefined
  return {
    label: chunk.label?.[i],
    requestId: chunk.requestId?.[i] ?? undefined,
    key: chunk.key?.[i] ?? undefined,
    ...(row === undefined || Number.isNaN(row) ? {} : { row }),
    ...(at === undefined || Number.isNaN(at) ? {} : { at }),
  }
}
