import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ChannelCredentials, Metadata } from '@grpc/grpc-js'
import descriptor from 'protobufjs/ext/descriptor.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Gateway, GatewayOptions } from '../../gateway/gateway.ts'
import { health } from '../../gateway/grpc/health.ts'
import { reflectionProto } from '../../gateway/grpc/protos.ts'
import { messagesOf } from '../../gateway/grpc/services.ts'
import type { ModelInferRequest } from '../../gateway/protocols/open-inference/grpc/messages.ts'
import type { ModelVersion, RouteRollout } from '../../lib/formats/route.ts'
import type { TelemetryWindow } from '../../lib/formats/telemetry.ts'
import { isCandidates } from '../../lib/stats/assignment.ts'
import { readWindow, writeRoute } from '../../lib/store/routes.ts'
import { codes } from '../contracts/call-protocol.ts'
import { ask, eventually, startTestGateway } from '../support/gateways.ts'
import { GrpcClient } from '../support/grpc-client.ts'
import { openTestBucket, type TestBucket } from '../support/servers.ts'
import { storeTensorModel } from '../support/stored-tensors.ts'
import { textEncoder } from '../support/tensor-models.ts'

/* What gRPC itself brings: streams, deadlines, metadata, tokens, TLS, health and reflection; and models of tensors. */

let server: TestBucket
let gateway: Gateway
let client: GrpcClient
let first: ModelVersion
let second: ModelVersion
beforeAll(async () => {
  server = await openTestBucket()
  first = await storeTensorModel(server.store, 1, textEncoder(20))
  second = await storeTensorModel(server.store, 2, textEncoder(20, 8))
  await writeRoute(server.store, 'texts', { kind: 'open', variant: first }, 'test')
  gateway = await start()
  client = new GrpcClient(gateway.grpcAddress as string)
})
afterAll(async () => {
  client.close()
  await gateway.stop(true)
  await server.stop()
})

async function start(over: Partial<GatewayOptions> = {}): Promise<Gateway> {
  const started = await startTestGateway(server.store, { grpcPort: 0, ...over })
  await eventually(() => started.endpoint('texts')?.route !== undefined)
  return started
}

const wide = (values: readonly number[]): Buffer => Buffer.from(BigInt64Array.from(values, BigInt).buffer)
const texts = (tokens: readonly number[], name = 'texts'): Partial<ModelInferRequest> => ({
  model_name: name,
  inputs: ['input_ids', 'attention_mask'].map((each) => ({
    name: each,
    datatype: 'INT64',
    shape: [1, tokens.length],
  })),
  raw_input_contents: [wide(tokens), wide(tokens.map(() => 1))],
})
/** The same over HTTP, JSON in and binary data out. */
async function overHttp(tokens: readonly number[]): Promise<Buffer> {
  const inputs = ['input_ids', 'attention_mask'].map((name, i) => ({
    name,
    datatype: 'INT64',
    shape: [1, tokens.length],
    data: i === 0 ? tokens : tokens.map(() => 1),
  }))
  const { headers, body } = await ask(gateway, 'POST', '/v2/models/texts/infer', {
    inputs,
    parameters: { binary_data_output: true },
  })
  return body.subarray(Number(headers['inference-header-content-length']))
}

describe('a model of tensors over gRPC', () => {
  it('answers bit for bit what it answers over HTTP, raw and typed', async () => {
    const expected = await overHttp([1, 2, 3])
    const { response } = await client.infer(texts([1, 2, 3]))
    expect(Buffer.concat(response?.raw_output_contents ?? [])).toEqual(expected)
    const { inputs = [] } = texts([1, 2, 3])
    const typed = await client.infer({
      model_name: 'texts',
      inputs: inputs.map((each, i) => ({
        ...each,
        contents: { int64_contents: (i === 0 ? [1, 2, 3] : [1, 1, 1]) as never },
      })),
    })
    const elements = typed.response?.outputs.flatMap(({ contents }) => Array.from(contents?.fp32_contents ?? [])) ?? []
    expect(Buffer.from(Float32Array.from(elements).buffer)).toEqual(expected)
    expect(typed.response?.raw_output_contents).toEqual([])
  })

  it('tells what it takes, and refuses what is not that', async () => {
    const metadata = await client.ask('ModelMetadata', { name: 'texts' })
    expect(metadata.response).toEqual((await ask(gateway, 'GET', '/v2/models/texts')).json())
    const unknown = await client.infer(texts([99]))
    expect([unknown.code, unknown.details]).toEqual([codes.invalid, expect.stringContaining('table of indices')])
    const missing = await client.infer({ ...texts([1]), inputs: [], raw_input_contents: [] })
    expect([missing.code, missing.details]).toEqual([codes.invalid, expect.stringContaining('no tensor for')])
  })
})

describe('a stream', () => {
  it('answers in the order of its requests, and tells what is wrong with one in its place', async () => {
    const stream = client.stream()
    const asked = Array.from({ length: 100 }, (_, i) => (i % 10 === 7 ? [99] : [1 + (i % 5), 2]))
    for (const [i, tokens] of asked.entries()) stream.send({ ...texts(tokens), id: `r${i}` })
    stream.end()
    expect(await stream.ended).toMatchObject({ code: codes.ok })
    expect(stream.answers).toHaveLength(100)
    for (const [i, { error_message, infer_response }] of stream.answers.entries()) {
      if (i % 10 === 7) {
        expect([error_message, infer_response]).toEqual([expect.stringContaining('table of indices'), null])
        continue
      }
      expect([error_message, infer_response?.id]).toEqual(['', `r${i}`])
      expect(infer_response?.parameters.triton_final_response).toMatchObject({ bool_param: true })
      if (i < 10)
        expect(Buffer.concat(infer_response?.raw_output_contents ?? [])).toEqual(await overHttp(asked[i] ?? []))
    }
  })

  it('goes on after a message that cannot be read, and after a model that there is not', async () => {
    const stream = client.stream()
    stream.send({ ...texts([1]), model_name: 'nobody' })
    stream.send(texts([1]))
    await eventually(() => stream.answers.length === 2)
    expect(stream.answers.map(({ error_message }) => error_message)).toEqual([
      expect.stringContaining('there is no endpoint "nobody"'),
      '',
    ])
    stream.cancel()
    expect(await stream.ended).toMatchObject({ code: 1 })
  })

  it('ends with words when the gateway stops, once what came is answered', async () => {
    const other = await start()
    const there = new GrpcClient(other.grpcAddress as string)
    const stream = there.stream()
    for (let i = 0; i < 20; i++) stream.send(texts([1 + (i % 5)]))
    await eventually(() => stream.answers.length > 0)
    const stopped = other.stop(true)
    expect(await stream.ended).toMatchObject({ code: codes.unavailable, details: expect.stringContaining('stops') })
    expect(stream.answers.every(({ error_message }) => error_message === '')).toBe(true)
    await stopped
    there.close()
  })
})

describe('deadlines', () => {
  it('are kept, and what nobody waits for any more is not answered', async () => {
    const started = performance.now()
    const late = await client.infer(texts([1, 2]), { options: { deadline: Date.now() - 1 } })
    expect(late.code).toBe(codes.deadline)
    const soon = await client.infer(texts([1, 2]), { metadata: { 'x-request-timeout-ms': '0.000001' } })
    expect([soon.code, soon.details]).toEqual([codes.deadline, expect.stringContaining('no answer within')])
    expect(performance.now() - started).toBeLessThan(10_000)
  })

  it('of calls that are cancelled end at once: those that wait are not run', async () => {
    const executions = async (): Promise<number> => {
      const { response } = await client.ask<{ model_stats: { execution_count: number }[] }>('ModelStatistics')
      return response?.model_stats.reduce((sum, each) => sum + each.execution_count, 0) ?? 0
    }
    const before = await executions()
    const stream = client.stream()
    for (let i = 0; i < 64; i++) stream.send(texts([1 + (i % 5)]))
    await eventually(async () => (await executions()) > before)
    stream.cancel()
    await stream.ended
    await client.infer(texts([1]))
    const after = await executions()
    expect(after - before).toBeLessThan(66)
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(await executions()).toBe(after)
  })
})

describe('a rollout', () => {
  const rollout: RouteRollout = {
    id: 'r1',
    candidate: { model: 'texts', version: 2, digest: '' },
    mode: 'split',
    share: 0.5,
    salt: 'r1',
    sticky: 'x-user',
    slowMs: 60_000,
  }

  it('takes its key from the metadata of calls, and counts them in windows as it does requests', async () => {
    await writeRoute(server.store, 'split', { kind: 'open', variant: first }, 'test')
    await writeRoute(server.store, 'split', { kind: 'begin', rollout: { ...rollout, candidate: second } }, 'test')
    await eventually(() => gateway.endpoint('split')?.route?.revision === 2)
    const users = Array.from({ length: 40 }, (_, i) => `user-${i}`)
    for (const user of users) {
      const { response, metadata } = await client.infer(texts([1], 'split'), { metadata: { 'x-user': user } })
      const isDrawn = isCandidates('r1', user, 0.5)
      expect([response?.model_version, metadata['x-slipway-role']]).toEqual(
        isDrawn ? ['2', 'candidate'] : ['1', 'champion'],
      )
    }
    const drawn = users.filter((user) => isCandidates('r1', user, 0.5)).length
    const windows: TelemetryWindow[] = []
    const sum = (of: (window: TelemetryWindow) => number | undefined): number =>
      windows.reduce((all, window) => all + (of(window) ?? 0), 0)
    await eventually(async () => {
      const next = await readWindow(server.store, 'split', gateway.id, windows.length)
      if (next !== undefined) windows.push(next)
      return sum(({ champion, candidate }) => champion.requests + (candidate?.requests ?? 0)) >= users.length
    })
    expect([sum(({ champion }) => champion.requests), sum(({ candidate }) => candidate?.requests)]).toEqual([
      users.length - drawn,
      drawn,
    ])
  })
})

describe('who may ask', () => {
  it('bearers of a token, where tokens are set, over TLS; load balancers may look without one', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'slipway-tls-'))
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
    execFileSync('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'],
      ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert],
    ])
    const tls = { cert: readFileSync(cert), key: readFileSync(key) }
    const other = await start({ tls, tokens: ['s3cret'], bodyLimit: 2_000 })
    const address = other.grpcAddress as string
    const secure = new GrpcClient(address, ChannelCredentials.createSsl(tls.cert))
    expect((await secure.ask('ServerReady')).response).toEqual({ ready: true })
    const check = '/grpc.health.v1.Health/Check'
    expect((await secure.call(check, health.encode('HealthCheckRequest', {}))).code).toBe(codes.ok)
    for (const authorization of [undefined, 'Bearer another', 's3cret']) {
      const metadata = authorization === undefined ? {} : { authorization }
      const refused = await secure.infer(texts([1]), { metadata })
      expect([refused.code, refused.details]).toEqual([codes.unauthenticated, 'a bearer token is needed'])
      expect((await secure.ask('RepositoryIndex', {}, { metadata })).code).toBe(codes.unauthenticated)
    }
    const metadata = { authorization: 'Bearer s3cret' }
    expect((await secure.infer(texts([1]), { metadata })).code).toBe(codes.ok)
    // What is too large is refused, packed or not.
    const large = { ...texts([1]), id: 'x'.repeat(3_000) }
    for (const algorithm of [0, 2]) {
      const packing = new GrpcClient(address, ChannelCredentials.createSsl(tls.cert), {
        'grpc.default_compression_algorithm': algorithm,
      })
      const refused = await packing.infer(large, { metadata })
      expect([refused.code, refused.details]).toEqual([codes.exhausted, expect.stringContaining('2000')])
      expect((await packing.infer({ ...texts([1]), id: 'y'.repeat(500) }, { metadata })).response?.id).toHaveLength(500)
      packing.close()
    }
    const bearing = new Metadata()
    bearing.set('authorization', 'Bearer another')
    expect(await secure.stream(bearing).ended).toMatchObject({ code: codes.unauthenticated })
    const plain = new GrpcClient(address)
    expect((await plain.ask('ServerLive', {}, { options: { deadline: Date.now() + 2_000 } })).code).not.toBe(codes.ok)
    for (const each of [secure, plain]) each.close()
    await other.stop(true)
  })
})

describe("gRPC's own services", () => {
  const check = async (service: string) => {
    const { code, response } = await client.call(
      '/grpc.health.v1.Health/Check',
      health.encode('HealthCheckRequest', { service }),
    )
    return response === undefined ? code : health.decode<{ status: number }>('HealthCheckResponse', response).status
  }

  it('say whether the gateway, the service and its endpoints answer', async () => {
    expect(await Promise.all(['', 'inference.GRPCInferenceService', 'texts'].map(check))).toEqual([1, 1, 1])
    expect(await check('nobody')).toBe(codes.notFound)
  })

  it('tell those who watch when it stops', async () => {
    const other = await start({ drainMs: 600_000 })
    const there = new GrpcClient(other.grpcAddress as string)
    const bytes = (value: Buffer): Buffer => value
    const told: number[] = []
    const watch = there.client.makeServerStreamRequest(
      '/grpc.health.v1.Health/Watch',
      bytes,
      bytes,
      health.encode('HealthCheckRequest', {}),
    )
    watch.on('error', () => {})
    watch.on('data', (message: Buffer) =>
      told.push(health.decode<{ status: number }>('HealthCheckResponse', message).status),
    )
    await eventually(() => told.length === 1)
    const stopped = other.stop()
    await eventually(() => told.length === 2)
    expect(told).toEqual([1, 2])
    expect((await there.ask('ServerReady')).response).toEqual({ ready: false })
    // It answers on while load balancers take notice.
    expect((await there.infer(texts([1]))).code).toBe(codes.ok)
    watch.cancel()
    await other.stop(true)
    await stopped
    there.close()
  })

  it('describe what can be asked, so that a client needs no .proto', async () => {
    const messages = messagesOf(reflectionProto('v1'), 'grpc.reflection.v1')
    const bytes = (value: Buffer): Buffer => value
    for (const version of ['v1', 'v1alpha']) {
      const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`
      const call = client.client.makeBidiStreamRequest(path, bytes, bytes)
      const answers: Record<string, never>[] = []
      call.on('data', (message: Buffer) => answers.push(messages.decode('ServerReflectionResponse', message)))
      for (const request of [
        { list_services: '' },
        { file_containing_symbol: 'inference.GRPCInferenceService' },
        { file_containing_symbol: 'inference.Nothing' },
      ])
        call.write(messages.encode('ServerReflectionRequest', request))
      call.end()
      await new Promise((resolve) => call.on('status', resolve))
      const [services, file, nothing] = answers as never as [
        { list_services_response: { service: { name: string }[] } },
        { file_descriptor_response: { file_descriptor_proto: Buffer[] } },
        { error_response: { error_code: number } },
      ]
      expect(services.list_services_response.service.map(({ name }) => name)).toEqual([
        'inference.GRPCInferenceService',
        'tensorflow.serving.PredictionService',
        'tensorflow.serving.ModelService',
        'grpc.health.v1.Health',
        'grpc.reflection.v1.ServerReflection',
        'grpc.reflection.v1alpha.ServerReflection',
      ])
      const [proto] = file.file_descriptor_response.file_descriptor_proto as [Buffer]
      const described = descriptor.FileDescriptorProto.decode(proto) as never as {
        messageType: { name: string; field: { name: string; number: number }[]; nestedType: { name: string }[] }[]
      }
      const message = described.messageType.find(({ name }) => name === 'ModelInferRequest')
      expect(message?.field).toContainEqual(expect.objectContaining({ name: 'raw_input_contents', number: 7 }))
      // So other readers of descriptors insist on calling them.
      expect(message?.nestedType.map(({ name }) => name)).toContain('ParametersEntry')
      expect(nothing.error_response.error_code).toBe(codes.notFound)
    }
  })

  it('outlive bytes that are no message', async () => {
    const nonsense = Buffer.alloc(40, 0xff)
    for (const path of [
      '/grpc.health.v1.Health/Check',
      '/inference.GRPCInferenceService/ModelConfig',
      '/inference.GRPCInferenceService/ServerReady',
      '/inference.GRPCInferenceService/ModelInfer',
    ])
      expect((await client.call(path, nonsense)).code).toBe(codes.invalid)
    expect((await client.call('/inference.GRPCInferenceService/TraceSetting', Buffer.alloc(0))).code).toBe(
      codes.unimplemented,
    )
    expect((await client.ask('ServerLive')).response).toEqual({ live: true })
  })
})
