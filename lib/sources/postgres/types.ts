import { decimalWidth, putDecimal } from './decimals.ts'
import {
  type Put,
  put16,
  put32,
  put64,
  putBoolean,
  putDate,
  putJsonb,
  putText,
  putTimestamp,
  putUuid,
} from './values.ts'

/** How a type of Postgres is read and kept. */
export interface MappedType {
  /** The type of its values in DuckDB, which is what parquet says of them. */
  readonly type: string
  /** Bytes of a value in a vector of DuckDB. */
  readonly width: number
  readonly put: Put
  /** The type in the file, where that is another. */
  readonly writtenAs?: string
}

const text: MappedType = { type: 'VARCHAR', width: 16, put: putText }

/**
 * By names of `pg_type`, with the identifiers that every server has for them. `docs/definition.md` shows this table.
 */
export const mappedTypes: Readonly<Record<string, MappedType & { readonly oid: number }>> = {
  bool: { oid: 16, type: 'BOOLEAN', width: 1, put: putBoolean },
  int2: { oid: 21, type: 'SMALLINT', width: 2, put: put16 },
  int4: { oid: 23, type: 'INTEGER', width: 4, put: put32 },
  int8: { oid: 20, type: 'BIGINT', width: 8, put: put64 },
  float4: { oid: 700, type: 'FLOAT', width: 4, put: put32 },
  float8: { oid: 701, type: 'DOUBLE', width: 8, put: put64 },
  text: { oid: 25, ...text },
  varchar: { oid: 1043, ...text },
  bpchar: { oid: 1042, ...text },
  name: { oid: 19, ...text },
  uuid: { oid: 2950, type: 'UUID', width: 16, put: putUuid, writtenAs: 'VARCHAR' },
  json: { oid: 114, ...text },
  jsonb: { oid: 3802, ...text, put: putJsonb },
  date: { oid: 1082, type: 'DATE', width: 4, put: putDate },
  timestamp: { oid: 1114, type: 'TIMESTAMP', width: 8, put: putTimestamp },
  timestamptz: { oid: 1184, type: 'TIMESTAMPTZ', width: 8, put: putTimestamp },
}
const byOid = new Map(Object.values(mappedTypes).map((mapped) => [mapped.oid, mapped]))

const numericOid = 1700
/** Digits of the widest DECIMAL there is. */
const mostDigits = 38

/**
 * What a column's type becomes; undefined where it becomes nothing.
 * @param modifier `atttypmod`: of a numeric its precision and scale
 * @param kind `typtype` of `pg_type`: `e` is an enumeration, whose values are read as their names
 */
export function mappedType(oid: number, modifier: number, kind: string): MappedType | undefined {
  if (kind === 'e') return text
  if (oid === numericOid) return modifier < 0 ? undefined : decimal(modifier)
  return byOid.get(oid)
}

function decimal(modifier: number): MappedType | undefined {
  const scale = (((modifier - 4) & 0x7ff) ^ 1024) - 1024
  const precision = Math.max(((modifier - 4) >> 16) & 0xffff, scale)
  if (scale < 0 || precision > mostDigits) return undefined
  return {
    type: `DECIMAL(${precision}, ${scale})`,
    width: decimalWidth(precision),
    put: putDecimal(precision, scale),
  }
}

/**
 * What to write in a query in place of a column whose type becomes nothing.
 * @param category `typcategory` of `pg_type`
 */
export function castOf(column: string, oid: number, category: string): string {
  if (oid === numericOid) return `${column}::numeric(18, 6), with the digits it needs, or ${column}::float8`
  if (oid === 17) return `encode(${column}, 'base64')`
  if (category === 'A' || category === 'C') return `to_json(${column})`
  if (category === 'T') return `extract(epoch from ${column})::float8`
  return `${column}::text`
}
