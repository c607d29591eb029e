import type { DuckDBConnection } from '@duckdb/node-api'
import { name, rowsOf } from './duckdb.ts'

/*
 * Keys are equal by value, whatever type a system keeps them in: 3000, 3000.0 and "3000" are one number. Each side
 * becomes a text that is the same exactly where the values are. Text compares as it is written: "007" is not "7", and
 * no number.
 */

const whole = /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER)$/
const floating = /^(FLOAT|DOUBLE)$/
const decimal = /^DECIMAL/
/** Whether a DuckDB type holds numbers. */
export const isNumeric = (type: string): boolean => whole.test(type) || floating.test(type) || decimal.test(type)

/**
 * SQL: whether a value no longer says which whole number it was: in floating point those past 2^53 (2^24) stand for
 * their neighbours too.
 */
export const isRounded = (type: string, value: string): string =>
  floating.test(type) ? `abs(${value}) >= ${type === 'FLOAT' ? 2 ** 24 : 2 ** 53}::DOUBLE` : 'false'

/** SQL: a value of a DuckDB type as the text of a key, null for NaN. */
export function keyText(type: string, value: string): string {
  if (floating.test(type)) {
    const isWhole = `${value} = trunc(${value}) AND abs(${value}) < ${2 ** 53}::DOUBLE`
    return `CASE WHEN isnan(${value}) THEN NULL WHEN ${isWhole} THEN ${value}::BIGINT::VARCHAR ELSE ${value}::VARCHAR END`
  }
  if (decimal.test(type))
    return `CASE WHEN ${value} = trunc(${value}) THEN split_part(${value}::VARCHAR, '.', 1) ELSE ${value}::DOUBLE::VARCHAR END`
  return `${value}::VARCHAR`
}

/** SQL: the key that a label names, text, as the text of a number; null where it is none, as "007" is none. */
export function numberText(key: string): string {
  const double = `TRY_CAST(${key} AS DOUBLE)`
  return `CASE
    WHEN regexp_full_match(${key}, '-?0(\\.0*)?') THEN '0'
    WHEN regexp_full_match(${key}, '-?[1-9]\\d*(\\.0*)?') THEN split_part(${key}, '.', 1)
    WHEN regexp_full_match(${key}, '-?(0|[1-9]\\d*)(\\.\\d+)?([eE][+-]?\\d+)?') AND NOT ${isRounded('DOUBLE', double)} THEN ${keyText('DOUBLE', double)} END`
}

/**
 * SQL: whether the key of a label is the value of a captured column. A floating-point number past 2^53 equals none: it
 * was rounded, and would take the labels of its neighbours.
 * @param key text
 */
export function sameKey(type: string, column: string, key: string): string {
  if (isNumeric(type)) {
    const own = floating.test(type)
      ? `CASE WHEN NOT ${isRounded(type, column)} THEN ${keyText(type, column)} END`
      : keyText(type, column)
    return `${numberText(key)} = ${own}`
  }
  // With their offset: a cast to TIMESTAMP would drop it.
  if (type.startsWith('TIMESTAMP') || type === 'DATE')
    return `epoch_us(TRY_CAST(${key} AS TIMESTAMPTZ)) = epoch_us(${column}::TIMESTAMP)`
  return `${key} = ${column}::VARCHAR`
}

/** DuckDB's types of the columns of a relation. */
export async function typesOf(connection: DuckDBConnection, relation: string): Promise<ReadonlyMap<string, string>> {
  const described = await rowsOf(connection, `DESCRIBE SELECT * FROM ${relation}`)
  return new Map(described.map((row) => [String(row.column_name), String(row.column_type)]))
}

/** SQL: whether the key of a label is the captured row's; false where the rows have no such column. */
export async function keyIs(
  connection: DuckDBConnection,
  relation: string,
  alias: string,
  column: string | null,
  key: string,
): Promise<string> {
  const type = column === null ? undefined : (await typesOf(connection, relation)).get(column)
  return column === null || type === undefined ? 'false' : sameKey(type, `${alias}.${name(column)}`, key)
}
