import { invalid } from '../../../lib/models/rows.ts'
import { asksExplanations } from '../../explain.ts'
import { isObject, parseJson } from '../json.ts'
import { objectOf, operation, predictionsSchema } from '../operation.ts'
import type { Asked, Incoming, Prediction, Protocol } from '../protocol.ts'
import { readRowsOrColumns } from '../rows-or-columns.ts'
import { answersJson, explanationsField, jsonAnswer } from '../write.ts'
import { tensorInstances } from './tensor-instances.ts'

/** The paths of a container that Vertex AI asks; it says which, by `AIP_PREDICT_ROUTE` and `AIP_HEALTH_ROUTE`. */
export interface VertexRoutes {
  readonly predict: string
  /** Undefined where something else answers there whether the server is ready. */
  readonly health: string | undefined
}

/**
 * What Vertex AI asks of a custom container: rows as `instances`, and `parameters` besides
 * (cloud.google.com/vertex-ai, "Custom container requirements for inference"). It adds `deployedModelId` and the like
 * to what is answered here. An instance of a model of tensors is the item itself, or an object of its inputs.
 */
export const vertex = ({ predict, health }: VertexRoutes): Protocol => ({
  name: 'vertex',
  routes: [{ path: predict, answers: ['application/json'] }],
  read: readInstances,
  error: ({ status, message }) => jsonAnswer(status, { error: message }),
  openApi(endpoints) {
    const [only, another] = endpoints
    if (only === undefined || another !== undefined) return {}
    const post = operation({
      id: 'vertexPredict',
      endpoint: only.name,
      summary: 'Vertex AI: instances in, predictions out',
      request: objectOf('instances', { type: 'array', items: only.row }),
      answer: objectOf('predictions', predictionsSchema(only)),
    })
    return { [predict]: { post } }
  },
  lookups: ({ isReady }) =>
    health === undefined
      ? []
      : [
          {
            method: 'GET',
            path: health,
            isOpen: true,
            answer: () => jsonAnswer(isReady() ? 200 : 503, { ready: isReady() }),
          },
        ],
})

function readInstances({ body }: Incoming): Asked {
  const request = parseJson(body)
  const instances = isObject(request) ? request.instances : undefined
  if (!isObject(request) || !Array.isArray(instances)) throw invalid('expected an object with "instances", an array')
  return {
    explain: asksExplanations(request.parameters, 'parameters.explain'),
    read: (version) => readRowsOrColumns(instances, version, 'instances'),
    write: (prediction) => ({ contentType: 'application/json', body: predictionsBody(prediction) }),
    tensors: tensorInstances(instances),
  }
}

const predictionsBody = (prediction: Prediction): string =>
  `{"predictions":[${answersJson(prediction).join(',')}]${explanationsField(prediction.explained)}}`
