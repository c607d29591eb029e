import { isObject, parseJson } from './json.ts'
import { operation, predictionsSchema } from './operation.ts'
import type { Asked, Incoming, Protocol, Route, Served } from './protocol.ts'
import { readRowsOrColumns } from './rows-or-columns.ts'
import { answersJson, jsonAnswer } from './write.ts'

const answers = ['application/json']

/**
 * TorchServe's inference API, and of its management API what looks (pytorch.org/serve, rest_api): a row as an object is
 * answered by its prediction, an array of rows by an array, and `{ "instances": [rows] }` by `{ "predictions": […] }`,
 * as TorchServe's envelope of KServe does.
 */
export const torchServe: Protocol = {
  name: 'torch-serve',
  routes: [
    { path: '/predictions/{name}', answers },
    { path: '/predictions/{name}/{version}', answers },
  ],
  read: readRows,
  error: ({ status, message }) =>
    jsonAnswer(status, { code: status, type: exceptions[status] ?? 'InternalServerException', message }),
  openApi: (endpoints) =>
    Object.fromEntries(
      endpoints.flatMap((endpoint) => {
        const { name, row } = endpoint
        const predictions = predictionsSchema(endpoint) as { items: object }
        const post = operation({
          id: `${name}Predictions`,
          endpoint: name,
          summary: 'TorchServe: a row or rows in, a prediction or predictions out',
          request: { oneOf: [row, { type: 'array', items: row }] },
          answer: { oneOf: [predictions.items, predictions] },
        })
        const get = operation({ id: `${name}Describe`, endpoint: name, summary: 'TorchServe: the version in force' })
        return [
          [`/predictions/${name}`, { post }],
          [`/models/${name}`, { get }],
        ]
      }),
    ),
  lookups,
}

/** org.pytorch.serve.http: the names of its exceptions, by status. */
const exceptions: Readonly<Record<number, string>> = {
  400: 'BadRequestException',
  401: 'InvalidKeyException',
  404: 'ResourceNotFoundException',
  413: 'RequestEntityTooLargeException',
  503: 'ServiceUnavailableException',
}

function readRows({ body }: Incoming): Asked {
  const request = parseJson(body)
  const isEnvelope = isObject(request) && Array.isArray(request.instances)
  const isOne = isObject(request) && !isEnvelope
  const rows = isEnvelope ? request.instances : isOne ? [request] : request
  return {
    read: (version) => readRowsOrColumns(rows, version, isEnvelope ? 'instances' : 'rows'),
    write(prediction) {
      const values = answersJson(prediction)
      const all = `[${values.join(',')}]`
      const body = isOne ? (values[0] as string) : isEnvelope ? `{"predictions":${all}}` : all
      return { contentType: 'application/json', body }
    },
  }
}

function lookups({ find, names }: Served): readonly Route[] {
  const describe: Route['answer'] = (_, name = '', version = undefined) => {
    const { number, numbers } = find(name, version === 'all' ? undefined : version)
    const told = version === 'all' ? numbers : [number]
    return jsonAnswer(
      200,
      told.map((each) => describedAs(name, each)),
    )
  }
  return [
    {
      method: 'GET',
      path: '/models',
      answer: () => jsonAnswer(200, { models: names().map((name) => ({ modelName: name, modelUrl: name })) }),
    },
    { method: 'GET', path: '/models/{name}', answer: describe },
    { method: 'GET', path: '/models/{name}/{version}', answer: describe },
  ]
}

/** A version that is loaded, with the keys that clients read; one process, as a worker that is ready, has all. */
const describedAs = (name: string, version: number): object => ({
  modelName: name,
  modelVersion: String(version),
  modelUrl: name,
  runtime: 'slipway',
  minWorkers: 1,
  maxWorkers: 1,
  workers: [{ id: '0', status: 'READY' }],
})
