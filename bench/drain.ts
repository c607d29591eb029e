import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import getPort from 'get-port'
import { packageRoot } from '../lib/code/host.ts'
import { writeRoute } from '../lib/store/routes.ts'
import { runClients, whenNotReady } from '../test/support/drain-clients.ts'
import { type GatewayProcess, startGatewayProcess } from '../test/support/gateway-process.ts'
import { packageModel } from '../test/support/models.ts'
import { loansSql, newProject, writeLoans } from '../test/support/project.ts'
import { startTestStore } from '../test/support/servers.ts'

/*
 * What clients lose when gateways stop: 20 stops of a gateway alone, whose 32 clients stop when it is not ready, and 20
 * stops in turn of two gateways behind nginx with deploy/gateway/nginx.conf, whose clients go on. Needs an `nginx` on
 * the path, or NGINX_PATH (nginx itself reads NGINX, as a list of sockets):
 *   node scripts/run.mjs bench/drain.ts
 */

const stops = 20
const loan = { income: 30_000, age: 40, purpose: 'car', id: 1, day: '2024-01-01T00:00:00Z' }
const traffic = {
  path: '/v1/models/loans:predict',
  body: JSON.stringify({ instances: [loan] }),
  kept: 16,
  oneShot: 16,
}

const store = await startTestStore()
const project = newProject()
writeLoans(project)
await project.data('data/loans.parquet', loansSql())
await writeRoute(
  store.store,
  'loans',
  { kind: 'open', variant: await packageModel(project, store.store, 'loans', 1) },
  'bench',
)
const start = (port: number): Promise<GatewayProcess> =>
  startGatewayProcess(store.store, { SLIPWAY_GATEWAY_PORT: String(port), SLIPWAY_DRAIN_MS: '500' })

const total = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((a, b) => a + b, 0)

let lost = 0
let answered = 0
for (let i = 0; i < stops; i++) {
  const gateway = await start(await getPort())
  const clients = runClients(gateway.address, traffic, whenNotReady(gateway.address))
  await sleep(500)
  await gateway.stop()
  const seen = await clients.seen
  answered += total(seen.answers)
  lost += total(seen.lost)
  if (total(seen.lost) > 0) console.log(seen)
}
console.log(`alone: ${stops} stops, ${answered} answers, ${lost} requests lost`)

const ports = [await getPort(), await getPort()]
const gateways = await Promise.all(ports.map(start))
const folder = mkdtempSync(join(tmpdir(), 'slipway-nginx-'))
const listen = await getPort()
const config = readFileSync(join(packageRoot, 'deploy/gateway/nginx.conf'), 'utf8')
  .replaceAll('/tmp/', `${folder}/`)
  // Names that are asked for anew, as there, are tried anew too: no server is left out for having been away.
  .replace(
    /^\s*resolver .*$/m,
    `upstream both { ${ports.map((port) => `server 127.0.0.1:${port} max_fails=0;`).join(' ')} }`,
  )
  .replace('listen 8080', `listen 127.0.0.1:${listen}`)
  .replace(/set \$gateways .*;/, 'set $gateways http://both;')
writeFileSync(join(folder, 'nginx.conf'), config)
const nginx = spawn(
  process.env.NGINX_PATH ?? 'nginx',
  ['-p', folder, '-c', join(folder, 'nginx.conf'), '-g', 'daemon off; error_log stderr;'],
  { stdio: ['ignore', 'ignore', 'inherit'] },
)
nginx.once('error', (error) => {
  console.error(`nginx does not start: ${error.message}`)
  process.exit(1)
})
await sleep(500)
const over = new AbortController()
const clients = runClients(`http://127.0.0.1:${listen}`, traffic, over.signal)
for (let i = 0; i < stops; i++) {
  await sleep(300)
  await gateways[i % 2]?.stop()
  gateways[i % 2] = await start(ports[i % 2] as number)
}
over.abort()
const seen = await clients.seen
const { 200: good = 0, ...bad } = seen.answers
console.log(
  `behind nginx: ${stops} stops, ${good} answers, ${total(bad) + total(seen.lost)} requests failed`,
  bad,
  seen.lost,
)

nginx.kill()
for (const gateway of gateways) gateway.kill()
await store.stop()
project.remove()
process.exit(lost + total(bad) + total(seen.lost) === 0 ? 0 : 1)
