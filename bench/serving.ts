import { spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeRoute } from '../lib/store/routes.ts'
import { startGatewayProcess } from '../test/support/gateway-process.ts'
import { startTestStore } from '../test/support/servers.ts'
import type { Figure } from './measure.ts'
import { startPeers } from './peers.ts'
import { measureDataframe, measureManyRows, measureSingleRows } from './serving-answers.ts'
import type { Server } from './serving-load.ts'
import { makeServingModels } from './serving-model.ts'
import { measureOverload } from './serving-overload.ts'
import { measureShadow, measureSwaps } from './serving-routes.ts'

/** What serving costs, against what it cannot go below and against what others do it with. */
export async function measureServing(): Promise<Figure[]> {
  const server = await startTestStore()
  const folder = mkdtempSync(join(tmpdir(), 'slipway-bench-'))
  const models = await makeServingModels(server.store, folder)
  for (const name of ['columns', 'dataframe'] as const)
    await writeRoute(server.store, name, { kind: 'open', variant: models[name] }, 'bench')
  const gateway = await startGatewayProcess(server.store)
  const constant = await startConstant()
  const peers = await startPeers(models.onnxFile)
  try {
    const figures = [
      ...(await measureSingleRows(gateway, constant, peers)),
      await measureManyRows(server.store, models, gateway),
      await measureDataframe(gateway),
      ...(await measureOverload(gateway)),
      await measureShadow(server.store, models, gateway),
      await measureSwaps(server.store, models, gateway),
    ]
    return figures
  } finally {
    for (const peer of peers) peer.stop()
    constant.stop()
    gateway.kill()
    await server.stop()
  }
}

/** A server in Node that reads a request and answers a constant: what HTTP itself costs. */
function startConstant(): Promise<Server & { stop(): void }> {
  const code = `const { createServer } = require('node:http')
const body = '{"model_name":"columns","model_version":"1","id":"133315dc-d2df-41dd-91cd-9bafe2e6b090","outputs":[{"name":"probability","datatype":"FP32","shape":[1],"data":[0.23076146841049194]}]}'
const server = createServer((request, response) => { request.on('data', () => {}); request.on('end', () => { response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }); response.end(body) }) })
server.listen(0, '127.0.0.1', () => process.send(server.address().port))`
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  return new Promise((resolve) =>
    child.once('message', (port) =>
      resolve({ port: port as number, pid: child.pid ?? 0, stop: () => void child.kill() }),
    ),
  )
}
