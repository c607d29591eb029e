#!/usr/bin/env bash
# DuckDB's search for common subexpressions takes time in the square of a projection's columns: 6,000 columns of
# `CASE WHEN isnan(CAST(c AS DOUBLE)) THEN NULL ELSE CAST(c AS DOUBLE) END` are planned several times as long with it as without, 750
# columns about as long. Nothing in EXPLAIN says so. `nullif(x, y)` repeats its argument too, for it is a CASE inside.
# For us: `SET disabled_optimizers = 'common_subexpressions'` on every connection, and a cast is said once (a subquery for each stage).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent @duckdb/node-api@1.5.6-r.1
cat > try.mjs <<'JS'
import { DuckDBInstance } from '@duckdb/node-api'
const cpu = async (columns, off) => {
  const connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect()
  const names = Array.from({ length: columns }, (_, i) => `c${i}`)
  await connection.run(`CREATE TABLE t AS SELECT ${names.map((c) => `'1' AS ${c}`).join(', ')}`)
  await connection.run(`SET disabled_optimizers = '${off}'`)
  const cell = (c) => `CASE WHEN isnan(CAST(${c} AS DOUBLE)) THEN NULL ELSE CAST(${c} AS DOUBLE) END AS ${c}`
  const before = process.cpuUsage()
  await connection.run(`SELECT ${names.map(cell).join(', ')} FROM t`)
  return process.cpuUsage(before).user / 1e6
}
await cpu(750, '')
const [few, fewOff] = [await cpu(750, ''), await cpu(750, 'common_subexpressions')]
const [many, manyOff] = [await cpu(6000, ''), await cpu(6000, 'common_subexpressions')]
const { version } = (await import('@duckdb/node-api')).default ?? {}
console.log(`DuckDB 1.5.6 (${version?.() ?? ''}): 750 columns ${few.toFixed(2)} s, without the search ${fewOff.toFixed(2)} s`)
console.log(`6,000 columns ${many.toFixed(2)} s, without the search ${manyOff.toFixed(2)} s`)
if (many / manyOff < 2 || many / few < 16) { console.log('no longer so'); process.exit(1) }
JS
node try.mjs
