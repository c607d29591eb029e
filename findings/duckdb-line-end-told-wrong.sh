#!/usr/bin/env bash
# DuckDB's read_csv, told everything and left nothing to guess, still finds no rows at all, and says nothing, where the file's line
# ends are not the ones in new_line: a table of LF read with new_line = '\r\n' has 0 rows, and so the other way round.
# What follows for us: line ends are found by a scan of our own first, and rows are counted by two.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . @duckdb/node-api@1.5.6-r.1 >/dev/null
cat > read.mjs <<'JS'
import { writeFileSync } from 'node:fs'
import { DuckDBInstance } from '@duckdb/node-api'

const connection = await (await DuckDBInstance.create(':memory:')).connect()
const count = async (file, lineEnd) => {
  const options = `auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', new_line = '${lineEnd}', columns = {a: 'INTEGER', b: 'INTEGER'}`
  const result = await connection.runAndReadAll(`SELECT count(*)::INTEGER FROM read_csv('${file}', ${options})`)
  return result.getRows()[0][0]
}
writeFileSync('lf.csv', 'a,b\n1,2\n3,4\n')
writeFileSync('crlf.csv', 'a,b\r\n1,2\r\n3,4\r\n')
const seen = [await count('lf.csv', '\\n'), await count('lf.csv', '\\r\\n'), await count('crlf.csv', '\\r\\n'), await count('crlf.csv', '\\n')]
console.log(`@duckdb/node-api 1.5.6-r.1, two rows: LF as LF ${seen[0]}, LF as CRLF ${seen[1]}, CRLF as CRLF ${seen[2]}, CRLF as LF ${seen[3]}`)
if (seen.join() !== '2,0,2,0') process.exit(1)
JS
node read.mjs
