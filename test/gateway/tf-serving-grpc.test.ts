import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Gateway } from '../../gateway/gateway.ts'
import { decode, encode, type ModelSpec, type TensorProto } from '../../gateway/protocols/tf-serving/grpc/messages.ts'
import { packageRoot } from '../../lib/code/host.ts'
import { loadModel } from '../../lib/models/model.ts'
import { localModel } from '../../lib/models/package.ts'
import { writeRoute } from '../../lib/store/routes.ts'
import { type CallAnswer, type CallProtocolUnderTest, codes, describeCallProtocol } from '../contracts/call-protocol.ts'
import type { ProtocolRow } from '../contracts/protocol.ts'
import { ask, eventually, startTestGateway } from '../support/gateways.ts'
import { type Ended, GrpcClient } from '../support/grpc-client.ts'
import { newProject, type TestProject } from '../support/project.ts'
import { packageServed } from '../support/served-models.ts'
import { openTestBucket, type TestBucket } from '../support/servers.ts'
import { storeTensorModel } from '../support/stored-tensors.ts'
import { textEncoder } from '../support/tensor-models.ts'

/*
 * TensorFlow Serving over gRPC. What clients send is in test/reference/tfs-messages.json, as its own stubs encode it
 * (tfs_messages.py).
 */

interface Messages {
  readonly dtypes: Readonly<Record<string, { values: readonly number[]; content: string; field: string }>>
  readonly texts: Readonly<Record<'content' | 'field', string>>
  readonly repeated: Readonly<Record<string, readonly [readonly number[], string]>>
  readonly regress: Readonly<Record<string, string>>
  readonly classify: string
}
const messages: Messages & Readonly<Record<string, unknown>> = JSON.parse(
  readFileSync(join(packageRoot, 'test/reference/tfs-messages.json'), 'utf8'),
)

const bodyLimit = 64 * 1024
const rows: readonly ProtocolRow[] = [
  { temp: 20, city: 'Oslo' },
  { temp: -5, city: 'Rome' },
  { temp: 33.25, city: 'Bern' },
  { temp: null, city: 'Oslo' },
]
const service = '/tensorflow.serving.PredictionService'
const models = '/tensorflow.serving.ModelService'

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
  const churn = await packageServed(project, server.store, 'churn')
  await writeRoute(server.store, 'churn', { kind: 'open', variant: churn }, 'test')
  const texts = await storeTensorModel(server.store, 1, textEncoder(20))
  await writeRoute(server.store, 'texts', { kind: 'open', variant: texts }, 'test')
  gateway = await startTestGateway(server.store, { bodyLimit, grpcPort: 0 })
  await eventually(() => ['opt', 'churn', 'texts'].every((name) => gateway.endpoint(name)?.route !== undefined))
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

const bytesOf = (hex: unknown): Buffer => Buffer.from(hex as string, 'hex')
const call = (method: string, message: Buffer): Promise<Ended<Buffer>> => client.call(`${service}/${method}`, message)
const refused = async (ended: Promise<Ended<Buffer>>, code: number, words: string | RegExp): Promise<void> => {
  const { code: got, details } = await ended
  expect([got, details]).toEqual([code, expect.stringMatching(words)])
}

interface PredictResponse {
  readonly outputs: Readonly<Record<string, TensorProto>>
  readonly model_spec: ModelSpec
}
const predict = (request: object): Promise<Ended<Buffer>> => call('Predict', encode('PredictRequest', request))
async function predicted(message: Buffer): Promise<PredictResponse> {
  const { code, details, response } = await call('Predict', message)
  expect([code, details]).toEqual([codes.ok, ''])
  return decode('PredictResponse', response as Buffer)
}
const numbersIn = ({ outputs }: PredictResponse): number[] => Array.from(outputs.prediction?.float_val ?? [])
const overRest = async (inputs: object, endpoint = 'opt'): Promise<unknown> => {
  const answer = await ask(gateway, 'POST', `/v1/models/${endpoint}:predict`, { inputs })
  return (answer.json() as { outputs: unknown }).outputs
}

const shape = (...sizes: number[]) => ({ dim: sizes.map((size) => ({ size })) })
const doubles = (values: readonly unknown[]) => ({
  dtype: 2,
  tensor_shape: shape(values.length),
  double_val: values.map((value) => Number(value ?? Number.NaN)),
})
const strings = (values: readonly unknown[]) => ({
  dtype: 7,
  tensor_shape: shape(values.length),
  string_val: values.map((value) => Buffer.from(String(value))),
})
const inputsOf = (given: readonly ProtocolRow[]): Record<string, object> =>
  Object.fromEntries(
    Object.keys(given[0] ?? { temp: 0, city: '' }).map((name) => {
      const values = given.map((row) => row[name] ?? null)
      return [name, values.some((each) => typeof each === 'string') ? strings(values) : doubles(values)]
    }),
  )

describeCallProtocol('TensorFlow Serving over gRPC', async () => ({
  endpoint: 'opt',
  version: 1,
  rows,
  numbers: 'temp',
  score: (given) => score(given),
  bodyLimit,
  async ask(given, { endpoint = 'opt', version } = {}): Promise<CallAnswer> {
    const { code, details, response } = await predict({
      model_spec: { name: endpoint, ...(version !== undefined && { version: { value: version } }) },
      inputs: given.length === 0 ? { temp: doubles([]), city: strings([]) } : inputsOf(given),
    })
    return { code, details, predictions: response === undefined ? [] : numbersIn(decode('PredictResponse', response)) }
  },
  async send(message): Promise<CallAnswer> {
    const { code, details } = await call('Predict', message)
    return { code, details, predictions: [] }
  },
  stop: async () => {},
}))

describe('Predict', () => {
  it('reads every type, as bytes and in its field, as REST reads the numbers', async () => {
    for (const [dtype, { values, content, field }] of Object.entries(messages.dtypes)) {
      const expected = await overRest({ temp: values })
      expect([dtype, numbersIn(await predicted(bytesOf(content)))]).toEqual([dtype, expected])
      expect([dtype, numbersIn(await predicted(bytesOf(field)))]).toEqual([dtype, expected])
    }
    const expected = await overRest({ city: ['Oslo', 'Rome', 'Zürich'] })
    for (const each of Object.values(messages.texts))
      expect(numbersIn(await predicted(bytesOf(each)))).toEqual(expected)
  })

  it('has the last value stand for those that are missing, as TensorFlow does', async () => {
    for (const [what, [values, message]] of Object.entries(messages.repeated))
      expect([what, numbersIn(await predicted(bytesOf(message)))]).toEqual([what, await overRest({ temp: values })])
  })

  it('says who answered, and answers outputs that are asked for', async () => {
    const { temp } = inputsOf(rows)
    for (const spec of [{}, { version: { value: 0 } }, { version: { value: 1 } }, { version_label: 'champion' }]) {
      const model_spec = { name: 'opt', signature_name: 'serving_default', ...spec }
      const answer = await predicted(
        encode('PredictRequest', { model_spec, inputs: { temp }, output_filter: ['prediction'] }),
      )
      expect(Object.keys(answer.outputs)).toEqual(['prediction'])
      expect(answer.model_spec).toMatchObject({ name: 'opt', signature_name: 'serving_default' })
      expect(Number(answer.model_spec.version?.value)).toBe(1)
      expect(answer.outputs.prediction?.dtype).toBe(1)
    }
    const { metadata } = await predict({ model_spec: { name: 'opt' }, inputs: { temp } })
    expect(metadata).toMatchObject({ 'x-model-version': '1', 'x-slipway-role': 'champion' })
  })

  const three = { model_spec: { name: 'opt' } }
  const temp = (over: object) => ({ ...three, inputs: { temp: { dtype: 2, tensor_shape: shape(3), ...over } } })
  const double_val = [1, 2, 3]
  it.each<[string, object, number, RegExp]>([
    ['no model', { inputs: {} }, codes.invalid, /model_spec.name: a request names its model/],
    ['no inputs', three, codes.invalid, /no tensors/],
    ['another signature', { ...temp({}), model_spec: { name: 'opt', signature_name: 'x' } }, codes.invalid, /"x"/],
    [
      'a label that nobody has',
      { ...three, model_spec: { name: 'opt', version_label: 'canary' } },
      codes.notFound,
      /"canary"/,
    ],
    ['a version below zero', { ...three, model_spec: { name: 'opt', version: { value: -1 } } }, codes.notFound, /"-1"/],
    [
      'too many values',
      temp({ tensor_shape: shape(2), double_val }),
      codes.invalid,
      /asks for 2 elements, double_val has 3/,
    ],
    [
      "another type's field",
      temp({ dtype: 1, double_val }),
      codes.invalid,
      /inputs\["temp"\]: elements of DT_FLOAT stand in float_val, and double_val has 3/,
    ],
    ['bytes and values', temp({ double_val, tensor_content: Buffer.alloc(24) }), codes.invalid, /send one of both/],
    [
      'bytes of another length',
      temp({ tensor_content: Buffer.alloc(23) }),
      codes.invalid,
      /23 bytes for 3 elements of 8/,
    ],
    [
      'a number that is none of its type',
      temp({ dtype: 6, int_val: [200] }),
      codes.invalid,
      /int_val\[0\]: 200 is no INT8/,
    ],
    ['a type that is not read', temp({ dtype: 8 }), codes.invalid, /dtype is DT_COMPLEX64; known are DT_FLOAT/],
    ['a type that there is not', temp({ dtype: 77 }), codes.invalid, /dtype is 77/],
    ['an axis below zero', temp({ tensor_shape: shape(-1), double_val }), codes.invalid, /each of its axes a size/],
    ['a scalar', temp({ tensor_shape: shape(), double_val: [1] }), codes.invalid, /expected shape \[n\] or \[n, 1\]/],
    ['an unknown rank', temp({ tensor_shape: { unknown_rank: true }, double_val }), codes.invalid, /needs a shape/],
    [
      'a value that stands for millions',
      temp({ tensor_shape: shape(1e9), double_val: [1] }),
      codes.invalid,
      /1048576 at most/,
    ],
    ['a shape past counting', temp({ tensor_shape: shape(1e9, 1e9), double_val: [1] }), codes.invalid, /needs a shape/],
    [
      'texts cut short',
      temp({ dtype: 7, tensor_content: Buffer.from('0505056162', 'hex') }),
      codes.invalid,
      /no list of 3 texts/,
    ],
    [
      'an output that there is not',
      { ...temp({ double_val }), output_filter: ['nothing'] },
      codes.invalid,
      /"nothing"/,
    ],
  ])('refuses %s', (_, request, code, words) => refused(predict(request), code, words))

  it('asks models of tensors, with the same bits as the Open Inference Protocol', async () => {
    const [tokens, mask] = [
      [1, 2, 3],
      [1, 1, 1],
    ]
    const wide = (values: readonly number[]) => ({ dtype: 9, tensor_shape: shape(1, 3), int64_val: values })
    const { outputs } = await predicted(
      encode('PredictRequest', {
        model_spec: { name: 'texts' },
        inputs: { input_ids: wide(tokens as number[]), attention_mask: wide(mask as number[]) },
      }),
    )
    const answer = await ask(gateway, 'POST', '/v2/models/texts/infer', {
      inputs: [
        { name: 'input_ids', datatype: 'INT64', shape: [1, 3], data: tokens },
        { name: 'attention_mask', datatype: 'INT64', shape: [1, 3], data: mask },
      ],
    })
    const { outputs: expected } = answer.json() as { outputs: { name: string; shape: number[]; data: number[] }[] }
    expect(Object.keys(outputs)).toEqual(expected.map(({ name }) => name))
    for (const { name, shape: sizes, data } of expected) {
      expect(Array.from(outputs[name]?.float_val ?? [])).toEqual(data)
      expect(outputs[name]?.tensor_shape?.dim.map(({ size }) => Number(size))).toEqual(sizes)
    }
  })
})

describe('examples', () => {
  const values = async (what: string): Promise<number[]> => {
    const { response } = await call('Regress', bytesOf(messages.regress[what]))
    const { result } = decode<{ result: { regressions: { value: number }[] } }>(
      'RegressionResponse',
      response as Buffer,
    )
    return result.regressions.map(({ value }) => value)
  }

  it('are regressed, alone and with what they have in common', async () => {
    expect(await values('alone')).toEqual(await score(rows.slice(0, 3)))
    expect(await values('with a context')).toEqual(await score(rows.slice(0, 2)))
    expect(await values('no value')).toEqual(await score(rows.slice(3)))
    await refused(call('Regress', bytesOf(messages.regress['several values'])), codes.invalid, /temp/)
    await refused(call('Regress', bytesOf(messages.regress['no text'])), codes.invalid, /city: is no UTF-8 text/)
    const empty = encode('RegressionRequest', { model_spec: { name: 'opt' } })
    await refused(call('Regress', empty), codes.invalid, /input: expected an example_list/)
  })

  it('are classified, whole numbers for booleans and times', async () => {
    const row = {
      senior: 1,
      plan: 'pro',
      tenure: 3,
      monthly: 50,
      total: 150,
      since: 1_704_067_200_000,
      genres: 'Action',
    }
    const feature = (value: string | number) =>
      typeof value === 'string' ? { bytes_list: { value: [Buffer.from(value)] } } : { int64_list: { value: [value] } }
    const examples = [0, 1].map((paperless) => ({
      features: {
        feature: Object.fromEntries(Object.entries({ ...row, paperless }).map(([name, each]) => [name, feature(each)])),
      },
    }))
    const message = encode('ClassificationRequest', {
      model_spec: { name: 'churn' },
      input: { example_list: { examples } },
    })
    const { code, details, response } = await call('Classify', message)
    expect([code, details]).toEqual([codes.ok, ''])
    const rest = await ask(gateway, 'POST', '/v1/models/churn:classify', {
      examples: [false, true].map((paperless) => ({ ...row, paperless })),
    })
    const { result } = decode<{
      result: { classifications: { classes: { label: string; score: number }[] }[] }
    }>('ClassificationResponse', response as Buffer)
    expect(result.classifications.map(({ classes }) => classes.map(({ label, score: each }) => [label, each]))).toEqual(
      (rest.json() as { result: unknown }).result,
    )
  })

  it('are refused by a method that cannot say what the model answers', () =>
    refused(call('Classify', bytesOf(messages.classify)), codes.invalid, /nothing to classify/))
})

describe('lookups', () => {
  const look = (method: string, what: string) =>
    method === 'GetModelStatus'
      ? client.call(`${models}/${method}`, bytesOf(messages[what]))
      : call(method, bytesOf(messages[what]))

  it('say which versions there are', async () => {
    for (const what of ['status', 'status of a version', 'status of version 0', 'status of a label']) {
      const { response } = await look('GetModelStatus', what)
      // Version 1 is AVAILABLE, 30, and its status is there and has nothing to tell.
      expect([what, response?.toString('hex')]).toEqual([what, '0a060801101e1a00'])
    }
    await refused(look('GetModelStatus', 'status of a version that is not there'), codes.notFound, /no version 7/)
    await refused(look('GetModelStatus', 'status of a label that is not there'), codes.notFound, /no candidate now/)
    await refused(look('GetModelStatus', 'status of nobody'), codes.notFound, /"nobody"/)
    await refused(look('GetModelStatus', 'status without a name'), codes.invalid, /names its model/)
  })

  it('say what a model takes, as REST says it', async () => {
    const numbers: Record<string, number> = { DT_FLOAT: 1, DT_DOUBLE: 2, DT_STRING: 7 }
    interface Info {
      readonly dtype: string
      readonly name: string
      readonly tensor_shape: { readonly dim: readonly { readonly size: string }[] }
    }
    const told = (await ask(gateway, 'GET', '/v1/models/opt/metadata')).json() as {
      metadata: {
        signature_def: { signature_def: { serving_default: Record<'inputs' | 'outputs', Record<string, Info>> } }
      }
    }
    const { serving_default: rest } = told.metadata.signature_def.signature_def
    const infos = (of: Record<string, Info>) =>
      Object.values(of).map(({ name, dtype, tensor_shape }) => ({
        name,
        dtype: numbers[dtype],
        sizes: tensor_shape.dim.map(({ size }) => Number(size)),
      }))
    for (const what of ['metadata', 'metadata of a version']) {
      const { response } = await look('GetModelMetadata', what)
      const { metadata } = decode<{ metadata: { signature_def: { type_url: string; value: Buffer } } }>(
        'GetModelMetadataResponse',
        response as Buffer,
      )
      expect(metadata.signature_def.type_url).toBe('type.googleapis.com/tensorflow.serving.SignatureDefMap')
      const { signature_def: signatures } = decode<{
        signature_def: Record<string, Record<'inputs' | 'outputs', Record<string, TensorProto & { name: string }>>>
      }>('SignatureDefMap', metadata.signature_def.value)
      expect(Object.keys(signatures)).toEqual(['serving_default'])
      for (const side of ['inputs', 'outputs'] as const)
        expect(
          Object.values(signatures.serving_default?.[side] ?? {}).map(({ name, dtype, tensor_shape }) => ({
            name,
            dtype,
            sizes: tensor_shape?.dim.map(({ size }) => Number(size)),
          })),
        ).toEqual(infos(rest[side]))
    }
    await refused(look('GetModelMetadata', 'other metadata'), codes.invalid, /no metadata "weights"/)
    await refused(look('GetModelMetadata', 'no metadata'), codes.invalid, /ask for "signature_def"/)
  })

  it('load nothing, and say who does', async () => {
    await refused(client.call(`${models}/HandleReloadConfigRequest`, Buffer.alloc(0)), codes.unimplemented, /routes/)
    await refused(call('MultiInference', Buffer.alloc(0)), codes.unimplemented, /Classify or Regress/)
  })
})
