import { classesIn, numbersIn } from '../../lib/formats/answers.ts'
import { decisionOutput } from '../../lib/formats/decisions.ts'
import { invalid } from '../../lib/models/rows.ts'
import { asksExplanations } from '../explain.ts'
import { parseJson } from './json.ts'
import { objectOf, operation, predictionsSchema } from './operation.ts'
import type { Asked, Incoming, Prediction, Protocol } from './protocol.ts'
import { readRowsOrColumns } from './rows-or-columns.ts'
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
} from './write.ts'

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
      endpoints.map((endpoint) => [
        `/v1/models/${endpoint.name}:predict`,
        {
          post: operation({
            id: `${endpoint.name}Predict`,
            endpoint: endpoint.name,
            summary: 'TensorFlow Serving: instances in, predictions out',
            request: objectOf('instances', { type: 'array', items: endpoint.row }),
            answer: objectOf('predictions', predictionsSchema(endpoint)),
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
