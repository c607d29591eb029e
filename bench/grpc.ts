import { spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import getPort from 'get-port'
import { inferRequest, inferResponse } from '../gateway/protocols/open-inference/grpc/messages.ts'
import { writeRoute } from '../lib/store/routes.ts'
import { startGatewayProcess } from '../test/support/gateway-process.ts'
import { startTestStore } from '../test/support/servers.ts'
import { loadGrpc } from './grpc-load.ts'
import { type Figure, median } from './measure.ts'
import { startMlServer } from './peers.ts'
import { rate, rounds, type Server, seconds, values } from './serving-load.ts'
import { makeServingModels } from './serving-model.ts'

/** What clients send: one row in raw contents. */
const request = {
  model_name: 'columns',
  model_version: '',
  id: '',
  parameters: {},
  inputs: Object.keys(values).map((name) => ({ name, datatype: 'FP32', shape: [1] })),
  outputs: [],
  raw_input_contents: Object.values(values).map((value) => Buffer.from(Float32Array.of(value).buffer)),
}
const answer = {
  model_name: 'columns',
  model_version: '1',
  id: '133315dc-d2df-41dd-91cd-9bafe2e6b090',
  parameters: {},
  outputs: [{ name: 'probability', datatype: 'FP32', shape: [1] }],
  raw_output_contents: [Buffer.from(Float32Array.of(0.23).buffer)],
}
const connections = 8

/** Single rows over gRPC, against what gRPC itself costs in Node, and against MLServer with the same model. */
export async function measureGrpc(): Promise<Figure[]> {
  const server = await startTestStore()
  const folder = mkdtempSync(join(tmpdir(), 'slipway-bench-'))
  const models = await makeServingModels(server.store, folder)
  await writeRoute(server.store, 'columns', { kind: 'open', variant: models.columns }, 'bench')
  const grpcPort = await getPort()
  const gateway = await startGatewayProcess(server.store, { SLIPWAY_GRPC_PORT: String(grpcPort) })
  const constant = await startConstant()
  const mlServer = await startMlServer(models.onnxFile)
  try {
    const ports = { ours: grpcPort, constant: constant.port, mlServer: mlServer.grpcPort }
    const measured: Record<string, number[]> = { ours: [], constant: [], mlServer: [] }
    for (let round = 0; round <= rounds; round++)
      for (const [name, port] of Object.entries(ports)) {
        const perSecond = await load(port)
        if (round > 0) measured[name]?.push(perSecond)
      }
    const of = (name: keyof typeof ports): number => median(measured[name] ?? [])
    const what = `single rows over gRPC, ${connections} connections, validation and telemetry on`
    return [
      {
        what: `${what}, against a @grpc/grpc-js server that answers a constant`,
        ours: rate(of('ours')),
        theirs: rate(of('constant')),
        ratio: of('ours') / of('constant'),
        limit: 0.6,
        bound: 'at least',
      },
      {
        what: "the same against MLServer's gRPC with the same model",
        ours: rate(of('ours')),
        theirs: rate(of('mlServer')),
        ratio: of('ours') / of('mlServer'),
        limit: 6,
        bound: 'at least',
      },
    ]
  } finally {
    mlServer.stop()
    constant.stop()
    gateway.kill()
    await server.stop()
  }
}

/** Calls for a while, on each connection one after another. @returns answers a second */
const load = (port: number): Promise<number> =>
  loadGrpc(port, '/inference.GRPCInferenceService/ModelInfer', inferRequest.encode(request), { connections, seconds })

/** A server that reads a message as it is and answers a constant: what gRPC itself costs. */
function startConstant(): Promise<Server & { stop(): void }> {
  const body = inferResponse.encode(answer).toString('base64')
  const code = `const { Server, ServerCredentials } = require('@grpc/grpc-js')
const body = Buffer.from('${body}', 'base64'), same = (value) => value
const server = new Server({ 'grpc.enable_channelz': 0 })
server.register('/inference.GRPCInferenceService/ModelInfer', (call, callback) => callback(null, body), same, same, 'unary')
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => process.send(port))`
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  return new Promise((resolve) =>
    child.once('message', (port) =>
      resolve({ port: port as number, pid: child.pid ?? 0, stop: () => void child.kill() }),
    ),
  )
}
