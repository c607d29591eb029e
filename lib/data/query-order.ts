import type { DuckDBConnection } from '@duckdb/node-api'
import { rowsOf, text } from './duckdb.ts'
import type { Part } from './query.ts'

/**
 * A query whose ORDER BY leaves nothing open: rows that it does not tell apart come in the order of their values,
 * before a LIMIT counts them.
 * @param statement the query as DuckDB's parser gives it
 * @returns its SQL, and whether it says an order at all
 */
export async function orderedQuery(
  connection: DuckDBConnection,
  statement: Part,
  sql: string,
): Promise<{ readonly sql: string; readonly isOrdered: boolean }> {
  const node = statement.node as { modifiers: { type: string; orders?: Part[] }[] }
  const order = node.modifiers.find(({ type }) => type === 'ORDER_MODIFIER')
  if (order?.orders === undefined) return { sql, isOrdered: false }
  const isWhole = order.orders.some(({ expression }) => (expression as Part).class === 'STAR')
  if (isWhole) return { sql, isOrdered: true }
  const columns = (await connection.prepare(sql)).columnCount
  const rest = Array.from({ length: columns }, (_, i) => position(i + 1))
  const whole = { ...order, orders: [...order.orders, ...rest] }
  const modifiers = node.modifiers.map((each) => (each === order ? whole : each))
  const parsed = { error: false, statements: [{ ...statement, node: { ...node, modifiers } }] }
  const [row] = await rowsOf(connection, `SELECT json_deserialize_sql(${text(JSON.stringify(parsed))}::JSON) AS sql`)
  return { sql: String(row?.sql), isOrdered: true }
}

/** `ORDER BY 3`, as DuckDB's parser gives it. */
const position = (column: number): Part => ({
  type: 'ORDER_DEFAULT',
  null_order: 'ORDER_DEFAULT',
  expression: {
    class: 'CONSTANT',
    type: 'VALUE_CONSTANT',
    alias: '',
    query_location: 0,
    value: { type: { id: 'INTEGER', type_info: null }, is_null: false, value: column },
  },
})
