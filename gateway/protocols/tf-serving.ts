import { invalid } from '../rows.ts'
import { parseJson } from './json.ts'
import { numbersSchema, objectOf, operation } from './operation.ts'
import type { Asked, Incoming, Protocol } from './protocol.ts'
import { readRowsOrColumns } from './rows-or-columns.ts'
import { jsonAnswer, numbersJson } from './write.ts'

const answers = ['application/json']

/**
 * TensorFlow Serving's REST predict: rows as `instances`, or columns as `inputs` (tensorflow.org/tfx/serving/api_rest).
 */
export const tfServing: Protocol = {
  name: 'tf-serving',
  routes: [
    { path: '/v1/models/{name}:predict', answers },
    { path: '/v1/models/{name}/versions/{version}:predict', answers },
  ],
  read: readPredict,
  error: ({ status, message }) => jsonAnswer(status, { error: message }),
  openApi: (endpoints) =>
    Object.fromEntries(
      endpoints.map(({ name, row }) => [
        `/v1/models/${name}:predict`,
        {
          post: operation({
            id: `${name}Predict`,
            endpoint: name,
            summary: 'TensorFlow Serving: instances in, predictions out',
            request: objectOf('instances', { type: 'array', items: row }),
            answer: objectOf('predictions', numbersSchema),
          }),
        },
      ]),
    ),
}

function readPredict({ body }: Incoming): Asked {
  const request = parseJson(body) as Record<string, unknown> | null
  const key =
    typeof request !== 'object' || request === null
      ? undefined
      : Object.hasOwn(request, 'instances')
        ? 'instances'
        : Object.hasOwn(request, 'inputs')
          ? 'inputs'
          : undefined
  if (request === null || key === undefined) throw invalid('expected an object with "instances" or "inputs"')
  return {
    read: (version) => readRowsOrColumns(request[key], version, key),
    write: ({ predictions }) => ({
      contentType: 'application/json',
      body: `{"${key === 'instances' ? 'predictions' : 'outputs'}":${numbersJson(predictions)}}`,
    }),
  }
}
