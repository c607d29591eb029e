import { classesIn, numbersIn } from '../../../lib/formats/answers.ts'
import { decisionOutput } from '../../../lib/formats/decisions.ts'
import { invalid } from '../../../lib/models/rows.ts'
import { asksExplanations } from '../../explain.ts'
import { objectOf, operation, predictionsSchema } from '../operation.ts'
import type { Asked, DescribedEndpoint, Incoming, Prediction, Protocol } from '../protocol.ts'
import { readRowsOrColumns } from '../rows-or-columns.ts'
import {
  answersJson,
  decisionsJson,
  explanationsField,
  isOneNumber,
  jsonAnswer,
  labelsOf,
  numberColumnsJson,
  numbersJson,
  outputName,
  rowsJson,
} from '../write.ts'
import { lookups } from './metadata.ts'
import { readRequest } from './request.ts'

const answers = ['application/json']

/**
 * TensorFlow Serving's REST predict: rows as `instances`, or columns as `inputs` (tensorflow.org/tfx/serving/api_rest);
 * and what its clients, and those of KServe's version 1, look up.
 */
export const tfServing: Protocol = {
  name: 'tf-serving',
  routes: [
    { path: '/v1/models/{name}:predict', answers },
    { path: '/v1/models/{name}/versions/{version}:predict', answers },
    { path: '/v1/models/{name}/labels/{version}:predict', answers },
  ],
  anyVersion: '0',
  read: readPredict,
  error: ({ status, message }) => jsonAnswer(status, { error: message }),
  openApi: (endpoints) => Object.fromEntries(endpoints.flatMap(pathsOf)),
  lookups,
}

/** Path items of an endpoint for an OpenAPI document. */
function pathsOf(endpoint: DescribedEndpoint): [string, object][] {
  const { name } = endpoint
  const post = operation({
    id: `${name}Predict`,
    endpoint: name,
    summary: 'TensorFlow Serving: instances in, predictions out',
    request: objectOf('instances', { type: 'array', items: endpoint.row }),
    answer: objectOf('predictions', predictionsSchema(endpoint)),
  })
  const status = {
    id: `${name}Status`,
    endpoint: name,
    summary: 'TensorFlow Serving, KServe: which versions are ready',
  }
  const metadata = { id: `${name}Signature`, endpoint: name, summary: 'TensorFlow Serving: the signature' }
  return [
    [`/v1/models/${name}:predict`, { post }],
    [`/v1/models/${name}`, { get: operation(status) }],
    [`/v1/models/${name}/metadata`, { get: operation(metadata) }],
  ]
}

function readPredict({ body }: Incoming): Asked {
  const request = readRequest(body)
  const key = (['instances', 'inputs'] as const).find((name) => Object.hasOwn(request, name))
  if (key === undefined) throw invalid('expected an object with "instances" or "inputs"')
  return {
    explain: asksExplanations(request, 'explain'),
    read: (version) => readRowsOrColumns(request[key], version, key),
    write: (prediction) => ({
      contentType: 'application/json',
      body:
        key === 'instances'
          ? `{"predictions":${predictionsJson(prediction)}${explanationsField(prediction.explained)}}`
          : `{"outputs":${outputsJson(prediction)}${explanationsField(prediction.explained)}}`,
    }),
  }
}

/** A value for each row; of several outputs an object for each. */
const predictionsJson = (prediction: Prediction): string =>
  isOneNumber(prediction.version) ? numbersJson(prediction.predictions) : `[${answersJson(prediction).join(',')}]`

/** The only output; of several an object of them. */
function outputsJson(prediction: Prediction): string {
  const { version } = prediction
  if (isOneNumber(version)) return numbersJson(prediction.predictions)
  const { facts } = version
  const label = classesIn(facts) === undefined ? [] : [`"label":${JSON.stringify(labelsOf(prediction))}`]
  const scores =
    numbersIn(facts) === undefined
      ? [`"${outputName(version)}":${rowsJson(prediction)}`]
      : numberColumnsJson(prediction)
  const answer = facts.decision === undefined ? [] : [`"${decisionOutput}":[${decisionsJson(prediction).join(',')}]`]
  return `{${[...label, ...scores, ...answer].join(',')}}`
}
