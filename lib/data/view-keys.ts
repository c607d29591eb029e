import type { DuckDBConnection } from '@duckdb/node-api'
import { SlipwayError } from '../formats/errors.ts'
import type { StepOf } from '../formats/plan.ts'
import { name, rowsOf } from './duckdb.ts'
import { interruptible } from './interrupt.ts'
import { relationOf } from './select.ts'
import { type LocalTable, openTable } from './table.ts'

/**
 * Makes sure that every row of a view has a key and, where nothing says when its rows became known, a key of its own.
 * @returns how many keys there are
 * @throws SlipwayError DATA_CONTRACT, with the key
 */
export async function checkKeys(
  connection: DuckDBConnection,
  table: LocalTable,
  { view, key, known }: Pick<StepOf<'publish'>, 'view' | 'key' | 'known'>,
  signal?: AbortSignal,
): Promise<number> {
  return interruptible(connection, signal, async () => {
    const columns = key.map(name)
    const relation = await relationOf(connection, await openTable(connection, table), {})
    await connection.run(
      `CREATE TEMP TABLE keys AS SELECT ${columns.join(', ')}, count(*) AS "rows:" FROM ${relation} GROUP BY ALL`,
    )
    const shown = `[${columns.map((column) => `${column}::VARCHAR`).join(', ')}] AS key, "rows:" AS rows`
    const find = async (where: string) => (await rowsOf(connection, `SELECT ${shown} FROM keys WHERE ${where}`))[0]
    const say = (values: unknown): string =>
      (values as (string | null)[]).map((value, i) => `${key[i]} ${value ?? 'null'}`).join(', ')
    const isMasked = key.some((column) => table.schema.find(({ name }) => name === column)?.masked === true)
    const refuse = (words: (shown: string) => string, plain: string, found: unknown, next: string): SlipwayError =>
      new SlipwayError('DATA_CONTRACT', words(plain), { inFull: isMasked ? undefined : words(say(found)), next })

    const missing = await find(`${columns.map((column) => `${column} IS NULL`).join(' OR ')} ORDER BY ALL LIMIT 1`)
    if (missing !== undefined)
      throw refuse(
        (shown) => `view "${view}" has rows without a key: ${shown} (${missing.rows} of ${table.rows})`,
        `${key.filter((_, i) => (missing.key as unknown[])[i] === null).join(', ')} null`,
        missing.key,
        'leave such rows out of the table',
      )
    const twice = known === null && (await find(`"rows:" > 1 ORDER BY ALL LIMIT 1`))
    if (twice)
      throw refuse(
        (shown) => `view "${view}" has ${twice.rows} rows of ${shown}, and nothing says which of them counts`,
        `one ${key.join(' and ')}`,
        twice.key,
        'make one row a key, or say known: the column of times at which a row became known',
      )
    const [counted] = await rowsOf(connection, 'SELECT count(*) AS keys FROM keys')
    return Number(counted?.keys)
  })
}
