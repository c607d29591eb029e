import { afterAll, describe, expect, it } from 'vitest'
import { containerProtocols } from '../../gateway/protocols/containers/spoken.ts'
import { tensorInstances } from '../../gateway/protocols/containers/tensor-instances.ts'
import type { TensorFacts } from '../../lib/formats/tensors.ts'
import { describeContainer } from '../support/container-contract.ts'
import { type ModelServerProcess, startModelServer, writeModelFolder } from '../support/model-servers.ts'
import { openOptModel } from '../support/opt-model.ts'
import { openTestBucket, type TestBucket } from '../support/servers.ts'
import { storeTensorModel } from '../support/stored-tensors.ts'
import { textEncoder } from '../support/tensor-models.ts'

describeContainer('the process on this machine', async () => {
  const model = await openOptModel()
  const folder = await writeModelFolder(model.store, model.version)
  return { ...model, start: (env) => startModelServer({ AZUREML_MODEL_DIR: folder, ...env }) }
})

describe('the paths that Vertex AI names', () => {
  const pathsOf = (predict: string, health: string): string[] =>
    containerProtocols({ predict, health }).flatMap(({ name, routes, lookups }) => {
      const looked = lookups?.({ isReady: () => true } as never) ?? []
      return [...routes, ...looked]
        .filter(({ path }) => [predict, health].includes(path))
        .map(({ path }) => `${name} ${path}`)
    })

  it.each([
    ['/predict', '/health', ['vertex /predict']],
    ['/invocations', '/ping', ['vertex /invocations', 'vertex /ping']],
    ['/score', '/', ['vertex /score', 'vertex /']],
    ['/v1/models/opt:predict', '/v2/health/live', ['vertex /v1/models/opt:predict', 'vertex /v2/health/live']],
  ])('%s and %s are Vertex AI’s, whoever else would have them', (predict, health, expected) => {
    expect(pathsOf(predict, health)).toEqual(expected)
  })
})

describe('a model of tensors in a container', () => {
  let bucket: TestBucket
  let server: ModelServerProcess
  afterAll(async () => {
    await server?.signal('SIGKILL')
    await bucket?.stop()
  })
  const post = async (path: string, body: string | Buffer, type = 'application/json') => {
    const answer = await fetch(`${server.address}${path}`, { method: 'POST', body, headers: { 'content-type': type } })
    return {
      status: answer.status,
      type: answer.headers.get('content-type') ?? '',
      bytes: Buffer.from(await answer.arrayBuffer()),
    }
  }
  const tokens = [
    [1, 2, 3],
    [4, 5, 0],
  ]
  const mask = [
    [1, 1, 1],
    [1, 1, 0],
  ]
  const inputs = [
    { name: 'input_ids', shape: [2, 3], datatype: 'INT64', data: tokens.flat() },
    { name: 'attention_mask', shape: [2, 3], datatype: 'INT64', data: mask.flat() },
  ]

  it('answers alike by the paths of every platform, tensor by tensor, item by item and as bytes', async () => {
    bucket = await openTestBucket()
    const version = await storeTensorModel(bucket.store, 1, textEncoder())
    server = await startModelServer({ SM_MODEL_DIR: await writeModelFolder(bucket.store, version) })
    const usual = JSON.parse((await post('/v2/models/texts/infer', JSON.stringify({ inputs }))).bytes.toString())
    const expected = usual.outputs[0].data as number[]
    expect(expected).toHaveLength(12)
    for (const path of ['/invocations', '/score']) {
      const { outputs } = JSON.parse((await post(path, JSON.stringify({ inputs }))).bytes.toString())
      expect(outputs).toEqual(usual.outputs)
    }
    const instances = tokens.map((ids, i) => ({ input_ids: ids, attention_mask: mask[i] }))
    const vertex = JSON.parse((await post('/predict', JSON.stringify({ instances }))).bytes.toString())
    expect(vertex.predictions).toEqual([expected.slice(0, 6), expected.slice(6)])
    const binary = Buffer.from(BigInt64Array.from([...tokens.flat(), ...mask.flat()], BigInt).buffer)
    const head = JSON.stringify({
      inputs: inputs.map(({ data: _, ...input }) => ({ ...input, parameters: { binary_data_size: 48 } })),
      parameters: { binary_data_output: true },
    })
    const media = 'application/vnd.sagemaker-triton.binary+json;json-header-size'
    const { type, bytes } = await post(
      '/invocations',
      Buffer.concat([Buffer.from(head), binary]),
      `${media}=${head.length}`,
    )
    expect(type).toMatch(`${media}=`)
    const cut = Number(type.slice(media.length + 1))
    expect([...new Float32Array(Uint8Array.from(bytes.subarray(cut)).buffer)]).toEqual(expected)
  })

  it('refuses instances that do not go together, and says which', async () => {
    const refusal = async (instances: unknown): Promise<string> => {
      const { status, bytes } = await post('/predict', JSON.stringify({ instances }))
      expect(status).toBe(400)
      return JSON.parse(bytes.toString()).error
    }
    expect(await refusal([{ input_ids: [1] }])).toContain('instances[0]: has no "attention_mask"')
    expect(await refusal([[1, 2]])).toContain("expected an object of the model's inputs")
    const uneven = [
      { input_ids: [1, 2], attention_mask: [1, 1] },
      { input_ids: [1], attention_mask: [1] },
    ]
    expect(await refusal(uneven)).toContain('instances[1]: "input_ids" is not of the shape of the first')
    expect(await refusal([{ input_ids: [0.5], attention_mask: [1] }])).toContain('0.5 is no INT64')
  })

  it('has an item’s answer as nested arrays, a number where it has no axes, several by name', () => {
    const facts: TensorFacts = {
      kind: 'tensors',
      name: 'm',
      inputs: [{ name: 'x', datatype: 'FP32', shape: ['n', 1] }],
      outputs: [
        { name: 'grid', datatype: 'INT64', shape: ['n', 2, 2] },
        { name: 'yes', datatype: 'BOOL', shape: ['n'] },
      ],
      isBatched: true,
      signature: 1,
    } as TensorFacts
    const outputs = {
      grid: { shape: [2, 2, 2], data: BigInt64Array.from([1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n]) },
      yes: { shape: [2], data: Uint8Array.of(1, 0) },
    }
    const answer = tensorInstances([[1], [2]]).write(
      { facts, outputs, answeredBy: {} as never, role: 'champion' },
      'id',
    )
    expect(JSON.parse(String(answer.body)).predictions).toEqual([
      {
        grid: [
          [1, 2],
          [3, 4],
        ],
        yes: true,
      },
      {
        grid: [
          [5, 6],
          [7, 8],
        ],
        yes: false,
      },
    ])
  })
})
