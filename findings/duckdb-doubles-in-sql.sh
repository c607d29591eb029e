#!/usr/bin/env bash
# A double written into SQL as JavaScript prints it is often another number there: DuckDB takes digits with a point for a DECIMAL, and
# its way from there to DOUBLE rounds twice. Some one in twenty of random doubles is not equal to its own literal. Written as text and
# cast ('0.1…'::DOUBLE), or with an exponent, every one is.
# What follows for us: limits of a contract and edges of bins go into SQL as text that is cast.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . @duckdb/node-api@1.5.6-r.1 >/dev/null
cat > compare.mjs <<'JS'
import { DuckDBInstance } from '@duckdb/node-api'

const connection = await (await DuckDBInstance.create(':memory:')).connect()
// Doubles between 0 and 1, the same every time (Park and Miller's generator, two draws a number).
let state = 15
const draw = () => (state = (state * 48271) % 2147483647) / 2147483647
const values = Array.from({ length: 2000 }, () => draw() + draw() / 2147483647)
const differing = async (literal) => {
  const list = values.map((value) => `(${literal(value)} = '${value}'::DOUBLE)`).join(', ')
  const result = await connection.runAndReadAll(`SELECT len(list_filter([${list}], same -> NOT same))::INTEGER`)
  return result.getRows()[0][0]
}
const plain = await differing(String)
const exponent = await differing((value) => value.toExponential())
console.log(`@duckdb/node-api 1.5.6-r.1, of 2,000 doubles unlike themselves: as printed ${plain}, with an exponent ${exponent}`)
if (!(plain > 20 && exponent === 0)) process.exit(1)
JS
node compare.mjs
