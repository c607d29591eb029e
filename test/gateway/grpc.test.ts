import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Gateway } from '../../gateway/gateway.ts'
import type { InferTensor, ModelInferRequest } from '../../gateway/protocols/open-inference/grpc/messages.ts'
import { loadModel } from '../../lib/models/model.ts'
import { localModel } from '../../lib/models/package.ts'
import { writeRoute } from '../../lib/store/routes.ts'
import { type CallAnswer, type CallProtocolUnderTest, codes, describeCallProtocol } from '../contracts/call-protocol.ts'
import type { ProtocolRow } from '../contracts/protocol.ts'
import { ask, eventually, startTestGateway } from '../support/gateways.ts'
import { GrpcClient } from '../support/grpc-client.ts'
import { newProject, type TestProject } from '../support/project.ts'
import { packageServed } from '../support/served-models.ts'
import { openTestBucket, type TestBucket } from '../support/servers.ts'

const bodyLimit = 64 * 1024
const rows: readonly ProtocolRow[] = [
  { temp: 20, city: 'Oslo' },
  { temp: -5, city: 'Rome' },
  { temp: 33.25, city: 'Bern' },
  { temp: null, city: 'Oslo' },
]

let server: TestBucket
let project: TestProject
let gateway: Gateway
let client: GrpcClient
let score: CallProtocolUnderTest['score']
beforeAll(async () => {
  server = await openTestBucket()
  project = newProject()
  const version = await packageServed(project, server.store, 'opt')
  await writeRoute(server.store, 'opt', { kind: 'open', variant: version }, 'test')
  gateway = await startTestGateway(server.store, { bodyLimit, grpcPort: 0 })
  await eventually(() => gateway.endpoint('opt')?.route !== undefined)
  client = new GrpcClient(gateway.grpcAddress as string)
  const model = await loadModel(await localModel({ store: server.store, trusted: new Map() }, version.digest))
  score = async (given) => [
    ...(await model.score({
      day: new Float64Array(given.length).fill(Number.NaN),
      temp: Float64Array.from(given, ({ temp }) => Number(temp ?? Number.NaN)),
      city: given.map(({ city }) => String(city)),
    })),
  ]
})
afterAll(async () => {
  client.close()
  await gateway.stop()
  await server.stop()
  project.remove()
})

type Tensor = Pick<InferTensor, 'name' | 'datatype' | 'shape'>
const isText = (values: readonly unknown[]): boolean => values.some((value) => typeof value === 'string')
const columnsOf = (given: readonly ProtocolRow[]): [string, (string | number | null)[]][] =>
  Object.keys(given[0] ?? { temp: 0, city: '' }).map((name) => [name, given.map((row) => row[name] ?? null)])
const tensorOf = (name: string, values: readonly unknown[]): Tensor => ({
  name,
  datatype: isText(values) || (values.length === 0 && name === 'city') ? 'BYTES' : 'FP64',
  shape: [values.length],
})
const numbersOf = (values: readonly unknown[]): number[] => values.map((value) => Number(value ?? Number.NaN))
const texts = (values: readonly unknown[]): Buffer[] => values.map((value) => Buffer.from(String(value)))

function typed(given: readonly ProtocolRow[]): Partial<ModelInferRequest> {
  const inputs = columnsOf(given).map(([name, values]) => {
    const tensor = tensorOf(name, values)
    const contents =
      tensor.datatype === 'BYTES' ? { bytes_contents: texts(values) } : { fp64_contents: numbersOf(values) }
    return { ...tensor, contents }
  })
  return { model_name: 'opt', inputs }
}

/** Elements as they lie in raw contents: texts behind four bytes of their length. */
function rawBytes(datatype: string, values: readonly unknown[]): Buffer {
  if (datatype !== 'BYTES') return Buffer.from(Float64Array.from(numbersOf(values)).buffer)
  return Buffer.concat(texts(values).flatMap((text) => [Buffer.from(Uint32Array.of(text.length).buffer), text]))
}

function raw(given: readonly ProtocolRow[]): Partial<ModelInferRequest> {
  const columns = columnsOf(given)
  const inputs = columns.map(([name, values]) => tensorOf(name, values))
  return {
    model_name: 'opt',
    inputs,
    raw_input_contents: columns.map(([, values], i) => rawBytes(inputs[i]?.datatype ?? '', values)),
  }
}

const asVersion = (version: number | undefined): string => (version === undefined ? '' : String(version))
/** A client that asks the gateway in one of the two ways. */
const underTest =
  (request: (given: readonly ProtocolRow[]) => Partial<ModelInferRequest>, isRaw: boolean) =>
  async (): Promise<CallProtocolUnderTest> => ({
    endpoint: 'opt',
    version: 1,
    rows,
    numbers: 'temp',
    score,
    bodyLimit,
    async ask(given, { endpoint = 'opt', version } = {}): Promise<CallAnswer> {
      const { code, details, response } = await client.infer({
        ...request(given),
        model_name: endpoint,
        model_version: asVersion(version),
      })
      const [output] = response?.outputs ?? []
      const [bytes] = response?.raw_output_contents ?? []
      expect(response === undefined || isRaw === (bytes !== undefined)).toBe(true)
      expect(response === undefined || output?.datatype === 'FP32').toBe(true)
      const predictions =
        bytes === undefined ? Array.from(output?.contents?.fp32_contents ?? []) : [...new Float32Array(bytesOf(bytes))]
      return { code, details, predictions }
    },
    async send(message): Promise<CallAnswer> {
      const { code, details } = await client.call('/inference.GRPCInferenceService/ModelInfer', message)
      return { code, details, predictions: [] }
    },
    stop: async () => {},
  })
const bytesOf = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer

describeCallProtocol('Open Inference over gRPC, raw contents', underTest(raw, true))
describeCallProtocol('Open Inference over gRPC, typed contents', underTest(typed, false))

const wide = (values: readonly number[]) => values.map((value) => value as never)
const float = (text: string): Buffer => Buffer.from(text, 'hex')
/** 20, -5 and 33.25 (33 of whole numbers) as a column: in typed contents, in raw ones, and as JSON has them. */
const numbers: readonly [string, InferTensor['contents'] | undefined, Buffer][] = [
  ['INT8', { int_contents: [20, -5, 33] }, Buffer.from(Int8Array.of(20, -5, 33).buffer)],
  ['INT16', { int_contents: [20, -5, 33] }, Buffer.from(Int16Array.of(20, -5, 33).buffer)],
  ['INT32', { int_contents: [20, -5, 33] }, Buffer.from(Int32Array.of(20, -5, 33).buffer)],
  ['INT64', { int64_contents: wide([20, -5, 33]) }, Buffer.from(BigInt64Array.of(20n, -5n, 33n).buffer)],
  ['UINT8', { uint_contents: [20, 5, 33] }, Buffer.from(Uint8Array.of(20, 5, 33).buffer)],
  ['UINT16', { uint_contents: [20, 5, 33] }, Buffer.from(Uint16Array.of(20, 5, 33).buffer)],
  ['UINT32', { uint_contents: [20, 5, 33] }, Buffer.from(Uint32Array.of(20, 5, 33).buffer)],
  ['UINT64', { uint64_contents: wide([20, 5, 33]) }, Buffer.from(BigUint64Array.of(20n, 5n, 33n).buffer)],
  ['FP32', { fp32_contents: [20, -5, 33.25] }, Buffer.from(Float32Array.of(20, -5, 33.25).buffer)],
  ['FP64', { fp64_contents: [20, -5, 33.25] }, Buffer.from(Float64Array.of(20, -5, 33.25).buffer)],
  // IEEE 754 binary16 of 20, -5 and 33.25, and the upper halves of their binary32, by numpy, low byte first.
  ['FP16', undefined, float('004d00c52850')],
  ['BF16', undefined, float('a041a0c00542')],
]

const temp = (datatype: string, size = 3): InferTensor => ({ name: 'temp', datatype, shape: [size] })
const opt = (input: InferTensor, raw?: Buffer): Partial<ModelInferRequest> => ({
  model_name: 'opt',
  inputs: [input],
  raw_input_contents: raw === undefined ? [] : [raw],
})
const overHttp = async (datatype: string, data: readonly unknown[]): Promise<number[]> => {
  const inputs = [{ ...temp(datatype, data.length), data }]
  const reply = await ask(gateway, 'POST', '/v2/models/opt/infer', { inputs })
  return (reply.json() as { outputs: [{ data: number[] }] }).outputs[0].data
}

describe('Open Inference over gRPC', () => {
  it('says what it is, and what its model takes, as over HTTP', async () => {
    expect((await client.ask('ServerLive')).response).toEqual({ live: true })
    expect((await client.ask('ServerReady')).response).toEqual({ ready: true })
    expect((await client.ask('ModelReady', { name: 'opt' })).response).toEqual({ ready: true })
    expect((await client.ask('ModelReady', { name: 'nobody' })).code).toBe(codes.notFound)
    expect((await client.ask('ModelMetadata', { name: 'opt', version: '9' })).code).toBe(codes.notFound)
    for (const [method, request, path] of [
      ['ServerMetadata', {}, '/v2'],
      ['ModelMetadata', { name: 'opt', version: '1' }, '/v2/models/opt'],
    ] as const) {
      const { parameters: _, ...told } = (await ask(gateway, 'GET', path)).json() as Record<string, unknown>
      expect((await client.ask(method, request)).response).toEqual(told)
    }
  })

  it('reads every datatype of numbers, typed and raw, as HTTP reads them', async () => {
    for (const [datatype, contents, bytes] of numbers) {
      const isUnsigned = datatype.startsWith('U')
      const data = [20, isUnsigned ? 5 : -5, /^U?INT/.test(datatype) ? 33 : 33.25]
      const expected = await overHttp(datatype, data)
      const { response } = await client.infer(opt(temp(datatype), bytes))
      expect([datatype, ...new Float32Array(bytesOf(response?.raw_output_contents[0] as Buffer))]).toEqual([
        datatype,
        ...expected,
      ])
      const typedAnswer = await client.infer(opt({ ...temp(datatype), contents: contents ?? { fp32_contents: data } }))
      if (contents === undefined) {
        expect([typedAnswer.code, typedAnswer.details]).toEqual([codes.invalid, expect.stringContaining('raw_input')])
        continue
      }
      expect([datatype, ...Array.from(typedAnswer.response?.outputs[0]?.contents?.fp32_contents ?? [])]).toEqual([
        datatype,
        ...expected,
      ])
    }
  })

  const contents = { fp64_contents: [1, 2, 3] }
  it.each<[string, Partial<ModelInferRequest>, RegExp]>([
    ['raw contents of another length', opt(temp('FP64'), Buffer.alloc(23)), /23 bytes for 3 elements of 8/],
    ['too few values', opt({ ...temp('FP64', 4), contents }), /asks for 4 elements, fp64_contents has 3/],
    ['too many values', opt({ ...temp('FP64', 2), contents }), /asks for 2 elements, fp64_contents has 3/],
    ['no values', opt(temp('FP64')), /asks for 3 elements, fp64_contents has 0/],
    [
      "another type's field",
      opt({ ...temp('FP32'), contents }),
      /inputs\[0\]: elements of FP32 stand in fp32_contents, and fp64_contents has 3/,
    ],
    [
      'a number that is none of its datatype',
      opt({ ...temp('INT8', 1), contents: { int_contents: [200] } }),
      /int_contents\[0\]: 200 is no INT8/,
    ],
    ['both kinds of contents', opt({ ...temp('FP64'), contents }, Buffer.alloc(24)), /send one of both/],
    [
      'raw contents for some inputs',
      { ...opt(temp('FP64'), Buffer.alloc(24)), inputs: [temp('FP64'), { ...temp('FP64'), name: 'load' }] },
      /1 entries for 2 inputs/,
    ],
    [
      'a tensor twice',
      { model_name: 'opt', inputs: [temp('FP64'), temp('FP64')].map((each) => ({ ...each, contents })) },
      /a second tensor "temp"/,
    ],
    ['a datatype that there is not', opt({ ...temp('FP8'), contents }), /datatype is "FP8"; known are BOOL/],
    ['a negative size', opt({ ...temp('FP64', -1), contents }), /expected shape \[n\] or \[n, 1\]/],
    ['two axes', opt({ ...temp('FP64'), shape: [3, 2] }, Buffer.alloc(48)), /expected shape \[n\] or \[n, 1\]/],
    [
      'an output that there is not',
      { ...opt({ ...temp('FP64'), contents }), outputs: [{ name: 'nothing', parameters: {} }] },
      /there is no output the text "nothing"/,
    ],
    [
      'shared memory',
      opt({ ...temp('FP64'), parameters: { shared_memory_region: { string_param: 'r' } }, contents }),
      /shared memory is not offered/,
    ],
    [
      'classification',
      {
        ...opt({ ...temp('FP64'), contents }),
        outputs: [{ name: 'prediction', parameters: { classification: { int64_param: 2 } } }],
      },
      /classification is not offered/,
    ],
    ['no inputs', { model_name: 'opt', inputs: [] }, /no tensors/],
    [
      'explanations asked for by a text',
      { ...opt({ ...temp('FP64'), contents }), parameters: { explain: { string_param: 'yes' } } },
      /parameters.explain: expected true or false/,
    ],
  ])('refuses %s', async (_, request, words) => {
    const { code, details } = await client.infer(request)
    expect([code, details]).toEqual([codes.invalid, expect.stringMatching(words)])
  })

  it('answers words that a message cannot have as they are, and long ones cut', async () => {
    const { code, details } = await client.infer({ model_name: `${'x'.repeat(99)}😀`, inputs: [] })
    expect([code, details]).toEqual([codes.notFound, expect.stringContaining('there is no endpoint "xxx')])
    const names = Array.from({ length: 100 }, (__, i) => ({ ...temp('FP64'), name: `${'ö'.repeat(50)}${i}` }))
    const long = await client.infer({
      model_name: 'opt',
      inputs: names.map((each) => ({ ...each, contents })),
    })
    expect(long.code).toBe(codes.invalid)
    expect(long.details.length).toBeLessThanOrEqual(2_001)
  })

  it('gives back ids, and says in metadata who answered', async () => {
    const request = opt({ ...temp('FP64'), contents })
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const { response, metadata } = await client.infer(
      { ...request, id: 'mine' },
      { metadata: { 'x-request-id': 'r-1', traceparent } },
    )
    expect(response).toMatchObject({ id: 'mine', model_name: 'opt', model_version: '1' })
    expect(metadata).toMatchObject({
      'x-request-id': 'r-1',
      traceparent,
      'x-model-version': '1',
      'x-slipway-role': 'champion',
      'x-model-digest': expect.stringMatching(/^sha256:/),
    })
    const without = await client.infer(request, { metadata: { 'x-request-id': 'r-2' } })
    expect(without.response?.id).toBe('r-2')
    const ignored = await client.infer({
      ...request,
      inputs: [
        { ...temp('FP64'), contents },
        { ...temp('FP64'), name: 'wind', contents },
      ],
    })
    expect(ignored.metadata['x-slipway-ignored']).toBe('wind')
  })

  it('answers the outputs that are asked for, and those of an endpoint by its only name', async () => {
    const request = { ...opt({ ...temp('FP64'), contents }), outputs: [{ name: 'prediction', parameters: {} }] }
    expect((await client.infer(request)).response?.outputs.map(({ name }) => name)).toEqual(['prediction'])
  })
})

describe('the repository', () => {
  const index = [{ name: 'opt', version: '1', state: 'READY', reason: '' }]

  it('is listed over gRPC and over HTTP', async () => {
    expect((await client.ask('RepositoryIndex', { ready: true })).response).toEqual({ models: index })
    for (const body of ['', '{}', '{"ready":true}'])
      expect((await ask(gateway, 'POST', '/v2/repository/index', body)).json()).toEqual(index)
    expect((await ask(gateway, 'POST', '/v2/repository/index', '{"ready":1}')).status).toBe(400)
  })

  it('says how models are configured', async () => {
    const config = {
      name: 'opt',
      platform: 'onnx_onnxv1',
      backend: 'slipway',
      max_batch_size: 0,
      input: [
        { name: 'day', data_type: 'TYPE_STRING', dims: [-1], optional: true },
        { name: 'temp', data_type: 'TYPE_FP64', dims: [-1], optional: true },
        { name: 'city', data_type: 'TYPE_STRING', dims: [-1], optional: true },
      ],
      output: [{ name: 'prediction', data_type: 'TYPE_FP32', dims: [-1] }],
      parameters: { features: { string_value: 'heat:FP32,place:BYTES' } },
    }
    expect((await client.ask('ModelConfig', { name: 'opt' })).response).toEqual({ config })
    expect((await ask(gateway, 'GET', '/v2/models/opt/config')).json()).toEqual(config)
    expect((await ask(gateway, 'GET', '/v2/models/opt/versions/1/config')).json()).toEqual(config)
    expect((await ask(gateway, 'GET', '/v2/models/opt/versions/2/config')).status).toBe(404)
    expect((await client.ask('ModelConfig', { name: 'nobody' })).code).toBe(codes.notFound)
  })

  interface Stats {
    readonly model_stats: {
      readonly name: string
      readonly last_inference: number
      readonly inference_count: number
      readonly execution_count: number
      readonly inference_stats: { readonly success: { count: number; ns: number }; readonly fail: { count: number } }
    }[]
  }
  const statsOver = async (path: string): Promise<Stats['model_stats']> =>
    ((await ask(gateway, 'GET', path)).json() as Stats).model_stats

  it('counts what came of requests, whichever way they came', async () => {
    const [before] = await statsOver('/v2/models/opt/stats')
    const began = Date.now()
    await client.infer(typed(rows))
    await overHttp('FP64', [1, 2, 3])
    await client.infer(opt(temp('FP64')))
    for (const path of ['/v2/models/opt/stats', '/v2/models/opt/versions/1/stats', '/v2/models/stats']) {
      const [after, ...others] = await statsOver(path)
      expect([others, after?.name]).toEqual([[], 'opt'])
      expect((after?.inference_count ?? 0) - (before?.inference_count ?? 0)).toBe(rows.length + 3)
      expect((after?.execution_count ?? 0) - (before?.execution_count ?? 0)).toBe(2)
      expect((after?.inference_stats.success.count ?? 0) - (before?.inference_stats.success.count ?? 0)).toBe(2)
      expect((after?.inference_stats.fail.count ?? 0) - (before?.inference_stats.fail.count ?? 0)).toBe(1)
      expect(after?.inference_stats.success.ns).toBeGreaterThan(before?.inference_stats.success.ns ?? 0)
      expect(after?.last_inference).toBeGreaterThanOrEqual(began)
      for (const request of [{ name: 'opt' }, { name: 'opt', version: '1' }, {}])
        expect((await client.ask<Stats>('ModelStatistics', request)).response?.model_stats[0]).toMatchObject({
          ...after,
          inference_stats: after?.inference_stats,
        })
    }
    expect((await client.ask('ModelStatistics', { name: 'opt', version: '7' })).code).toBe(codes.notFound)
    expect((await ask(gateway, 'GET', '/v2/models/nobody/stats')).status).toBe(404)
  })

  it('loads and unloads nothing for clients, and says who does', async () => {
    for (const verb of ['load', 'unload']) {
      const reply = await ask(gateway, 'POST', `/v2/repository/models/opt/${verb}`)
      expect([reply.status, reply.json()]).toEqual([400, { error: expect.stringContaining('routes') }])
    }
    for (const method of ['RepositoryModelLoad', 'RepositoryModelUnload']) {
      const { code, details } = await client.ask(method, { model_name: 'opt' })
      expect([code, details]).toEqual([codes.unimplemented, expect.stringContaining('routes')])
    }
  })
})
