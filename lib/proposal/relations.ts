import type { DuckDBConnection } from '@duckdb/node-api'
import { rowsOf } from '../data/duckdb.ts'
import { valueSql } from './conversions.ts'
import type { LookedColumn } from './count-cells.ts'
import type { ColumnProfile, Relation } from './profile.ts'

/** How every column stands to the target. */
export async function relationsTo(
  connection: DuckDBConnection,
  columns: readonly LookedColumn[],
  profiles: readonly ColumnProfile[],
  target: string,
): Promise<Relation[]> {
  const at = columns.findIndex((column) => column.name === target)
  const aim = columns[at] as LookedColumn
  const aimed = profiles[at] as ColumnProfile
  const found: Relation[] = []
  for (const [i, { name: called, cell }] of columns.entries()) {
    if (i === at) continue
    const profile = profiles[i] as ColumnProfile
    const [pure] = await rowsOf(
      connection,
      `SELECT count(*) AS groups, count(*) FILTER (kinds = 1) AS pure FROM
        (SELECT count(DISTINCT ${aim.cell}) AS kinds FROM looked WHERE ${aim.cell} IS NOT NULL GROUP BY ${cell})`,
    )
    const [gaps] = await rowsOf(
      connection,
      `SELECT count(*) AS groups, max(kinds) AS kinds FROM
        (SELECT count(DISTINCT ${aim.cell}) AS kinds FROM looked WHERE ${aim.cell} IS NOT NULL GROUP BY ${cell} IS NULL)`,
    )
    const isNumber = profile.reading.kind === 'number' && aimed.reading.kind === 'number'
    const [corr] = isNumber
      ? await rowsOf(
          connection,
          `SELECT corr(${valueSql(cell, profile.reading)}, ${valueSql(aim.cell, aimed.reading)}) AS r FROM looked`,
        ).catch(() => [])
      : []
    const alike = profiles.findIndex(
      (other, j) => j < i && j !== at && other.distinct === profile.distinct && other.present === profile.present,
    )
    found.push({
      name: called,
      groups: Number(pure?.groups ?? 0),
      pure: Number(pure?.pure ?? 0),
      missingTells: Number(gaps?.groups) === 2 && Number(gaps?.kinds) === 1,
      correlation: corr?.r === null || corr?.r === undefined ? Number.NaN : Number(corr.r),
      sameAs: alike >= 0 ? await sameColumn(connection, columns, profiles, i, at) : undefined,
    })
  }
  return found
}

/** An earlier column that has the same values as this one in all rows. */
async function sameColumn(
  connection: DuckDBConnection,
  columns: readonly LookedColumn[],
  profiles: readonly ColumnProfile[],
  i: number,
  target: number,
): Promise<string | undefined> {
  const { distinct, present } = profiles[i] as ColumnProfile
  for (let j = 0; j < i; j++) {
    const other = profiles[j] as ColumnProfile
    if (j === target || other.distinct !== distinct || other.present !== present || distinct < 2) continue
    const [row] = await rowsOf(
      connection,
      `SELECT count(*) AS n FROM looked WHERE ${columns[i]?.cell} IS DISTINCT FROM ${columns[j]?.cell}`,
    )
    if (Number(row?.n) === 0) return other.name
  }
  return undefined
}
