#!/usr/bin/env bash
# postgres (the npm package) 3.4.9 reads a COPY … TO STDOUT to its last byte, and then the connection answers nothing any more: the next
# query on it waits for ever, without an error. Its stream pauses the socket when the reader is slower than the server, and at the end
# nothing resumes it. A small copy, which never fills the stream's buffer, does not show it.
# What follows for us: Postgres is read with pg, and our own reader of copies resumes what it paused.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill -INT "$(head -1 "$folder/data/postmaster.pid" 2>/dev/null)" 2>/dev/null && sleep 1; rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . postgres@3.4.9 >/dev/null
# A server of Debian's package, as a user without rights where this is root, who may not run it.
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
as=()
if [ "$(id -u)" = 0 ]; then chown nobody "$folder"; as=(setpriv --reuid nobody --regid nogroup --clear-groups); fi
"${as[@]}" "$bin/initdb" -D "$folder/data" -U postgres -A trust --no-sync >/dev/null
port=$(node -e "const s = require('net').createServer().listen(0, () => { console.log(s.address().port); s.close() })")
"${as[@]}" "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/data/log" -o "-p $port -h 127.0.0.1 -k ''" start >/dev/null
cat > copy.mjs <<'JS'
import postgres from 'postgres'

const [port] = process.argv.slice(2)
/** What a query answers after a copy of so many rows was read to its end: its value, or that none came in 20 s. */
async function after(rows) {
  const sql = postgres({ host: '127.0.0.1', port: Number(port), user: 'postgres', database: 'postgres', max: 1 })
  let bytes = 0
  const copy = await sql.unsafe(`COPY (SELECT i, repeat('x', 40) FROM generate_series(1, ${rows}) i) TO STDOUT`).readable()
  for await (const chunk of copy) bytes += chunk.length
  const answer = sql`SELECT 1 AS one`.then(([row]) => String(row.one), (error) => error.message)
  const given = await Promise.race([answer, new Promise((resolve) => setTimeout(resolve, 20_000, 'nothing'))])
  await sql.end({ timeout: 0 }).catch(() => {})
  return `after ${bytes} bytes: ${given}`
}
const [small, large] = [await after(10), await after(1_000_000)]
console.log(`postgres 3.4.9, a query on the connection of a copy, ${small}; ${large}`)
process.exit(/: 1$/.test(small) && /: nothing$/.test(large) ? 0 : 1)
JS
node copy.mjs "$port"
