import { closest } from 'fastest-levenshtein'
import type { Client } from 'pg'
import { SlipwayError } from '../../formats/errors.ts'
import type { PostgresAddress } from './address.ts'
import { castOf, type MappedType, mappedType } from './types.ts'

/** What is read: a statement, and what its columns become. */
export interface Description {
  /** What messages and stored lists call it: `public.flights`. */
  readonly name: string
  readonly sql: string
  readonly columns: readonly { readonly name: string; readonly type: MappedType }[]
}

/**
 * Finds out what the columns of a table or query are, without reading a row.
 * @throws SlipwayError SOURCE_MISSING, COLUMN_TYPE; Error of the driver
 */
export async function describe(client: Client, reads: PostgresAddress['reads']): Promise<Description> {
  const found = 'table' in reads ? await findTable(client, reads.table) : { name: 'query', sql: reads.query }
  // A statement with a name is prepared, which takes one statement only, so a query cannot smuggle in another.
  const { fields } = await client.query({
    name: 'slipway_source',
    text: `SELECT * FROM (\n${found.sql}\n) AS source LIMIT 0`,
  })
  if (fields.length === 0)
    throw new SlipwayError('SOURCE_EMPTY', `${found.name} has no columns`, { next: 'name another table' })
  requireDifferentNames(fields.map(({ name }) => name))
  const { rows: types } = await client.query<{ name: string; kind: string; category: string }>(
    `SELECT format_type(t.oid, c.modifier) AS name, typtype AS kind, typcategory AS category
     FROM unnest($1::oid[], $2::int[]) WITH ORDINALITY AS c (oid, modifier, place) JOIN pg_type t USING (oid) ORDER BY place`,
    [fields.map(({ dataTypeID }) => dataTypeID), fields.map(({ dataTypeModifier }) => dataTypeModifier)],
  )
  const columns = fields.map(({ name, dataTypeID, dataTypeModifier }, i) => {
    const { name: typeName = '', kind = '', category = '' } = types[i] ?? {}
    const type = mappedType(dataTypeID, dataTypeModifier, kind)
    if (type !== undefined) return { name, type }
    const cast = castOf(client.escapeIdentifier(name), dataTypeID, category)
    throw new SlipwayError('COLUMN_TYPE', `column "${name}" of ${found.name} is ${typeName}, which has no mapping`, {
      next: `read it by ?query= and write ${cast} in place of the column`,
    })
  })
  return { ...found, columns }
}

function requireDifferentNames(names: readonly string[]): void {
  const twice = names.find((name, i) => names.findIndex((other) => other.toLowerCase() === name.toLowerCase()) < i)
  if (twice === undefined) return
  throw new SlipwayError(
    'DEFINITION_INVALID',
    `two columns are called "${twice}" (a parquet file tells no case apart)`,
    {
      next: 'give one of them another name by AS',
    },
  )
}

/** Kinds of relations that hold rows: tables, partitioned and foreign ones, views and materialized ones. */
const readable = `c.relkind IN ('r', 'p', 'f', 'v', 'm')`

/** A table by its name as SQL writes it, its rows in the order of the primary key where there is one. */
async function findTable(client: Client, table: string): Promise<{ name: string; sql: string }> {
  const { rows } = await client.query<{ name: string; quoted: string; key: string | null }>(
    `SELECT nspname || '.' || relname AS name, format('%I.%I', nspname, relname) AS quoted,
       (SELECT string_agg(quote_ident(attname), ', ' ORDER BY place) FROM pg_index i
        CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k (number, place)
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
        WHERE i.indrelid = c.oid AND i.indisprimary AND place <= i.indnkeyatts) AS key
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.oid = to_regclass($1) AND ${readable}`,
    [table],
  )
  const found = rows[0]
  if (found === undefined) throw await missing(client, table)
  const order = found.key === null ? '' : ` ORDER BY ${found.key}`
  return { name: found.name, sql: `SELECT * FROM ${found.quoted}${order}` }
}

async function missing(client: Client, table: string): Promise<SlipwayError> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE ${readable} AND nspname <> 'information_schema' AND nspname NOT LIKE 'pg\\_%' ORDER BY 1 LIMIT 10000`,
  )
  const names = rows.map(({ name }) => name)
  return new SlipwayError('SOURCE_MISSING', `there is no table ${table} in the database`, {
    next: names.length === 0 ? 'create it, or name another database' : `the nearest is ${closest(table, names)}`,
  })
}
