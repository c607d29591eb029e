import { invalid } from '../../../lib/models/rows.ts'
import { isObject } from '../json.ts'
import { objectOf, operation } from '../operation.ts'
import type { Asked, Incoming, Prediction, Protocol } from '../protocol.ts'
import { readRecords } from '../rows-or-columns.ts'
import { jsonAnswer, rowsOf } from '../write.ts'
import { answersBy, classes, classesOf, type Method, numbers, requireAnswerable } from './methods.ts'
import { readRequest } from './request.ts'

/*
 * TensorFlow Serving's REST classify and regress: rows are `examples`, and what they have in common may stand in
 * `context` (tensorflow.org/tfx/serving/api_rest, "Classify and Regress API").
 */

/** One of the two methods over REST. */
interface RestMethod extends Method {
  readonly summary: string
  result(prediction: Prediction): string
  /** JSON schema of a row's result. */
  readonly item: object
}

export const classify = exampleProtocol({
  ...classes,
  summary: 'TensorFlow Serving: examples in, classes and their probabilities out',
  result: (prediction) =>
    `[${Array.from({ length: rowsOf(prediction) }, (_, row) => `[${classesJson(prediction, row).join(',')}]`).join(',')}]`,
  item: { type: 'array', items: { type: 'array', prefixItems: [{ type: 'string' }, { type: 'number' }] } },
})

export const regress = exampleProtocol({
  ...numbers,
  summary: 'TensorFlow Serving: examples in, a number each out',
  result: ({ predictions }) => `[${Array.from(predictions, String).join(',')}]`,
  item: { type: 'number' },
})

const classesJson = (prediction: Prediction, row: number): string[] =>
  classesOf(prediction, row).map(([label, score]) => `[${JSON.stringify(label)},${score}]`)

function exampleProtocol(method: RestMethod): Protocol {
  const { name, summary, item } = method
  const answers = ['application/json']
  return {
    name: `tf-serving-${name}`,
    routes: [
      { path: `/v1/models/{name}:${name}`, answers },
      { path: `/v1/models/{name}/versions/{version}:${name}`, answers },
      { path: `/v1/models/{name}/labels/{version}:${name}`, answers },
    ],
    anyVersion: '0',
    read: (incoming) => readExamples(incoming, method),
    error: ({ status, message }) => jsonAnswer(status, { error: message }),
    openApi: (endpoints) =>
      Object.fromEntries(
        endpoints
          .filter(({ facts }) => answersBy(method, facts))
          .map((endpoint) => [
            `/v1/models/${endpoint.name}:${name}`,
            {
              post: operation({
                id: `${endpoint.name}${name === 'classify' ? 'Classify' : 'Regress'}`,
                endpoint: endpoint.name,
                summary,
                request: objectOf('examples', { type: 'array', items: endpoint.row }),
                answer: objectOf('result', { type: 'array', items: item }),
              }),
            },
          ]),
      ),
  }
}

function readExamples({ body }: Incoming, method: RestMethod): Asked {
  const { context = {}, examples } = readRequest(body)
  if (!Array.isArray(examples) || !examples.every(isObject))
    throw invalid('expected an object with "examples", an array of objects')
  if (!isObject(context)) throw invalid('expected an object of what all examples have in common', 'context')
  const rows = examples.map((example) => flat({ ...context, ...example }))
  return {
    read(version) {
      requireAnswerable(method, version)
      return readRecords(rows, version, 'examples')
    },
    write: (prediction) => ({
      contentType: 'application/json',
      body: `{"result":${method.result(prediction)}}`,
    }),
  }
}

/** A feature of an example is a list of values in TensorFlow; a list of one is the value. */
const flat = (example: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(example).map(([key, value]) => [key, Array.isArray(value) && value.length === 1 ? value[0] : value]),
  )
