import { objectOf, operation, predictionsSchema } from '../operation.ts'
import type { DescribedEndpoint, Protocol } from '../protocol.ts'
import { jsonAnswer } from '../write.ts'
import { invocationAnswers, readInvocation } from './read-invocation.ts'

/** `/invocations` of MLflow's scoring server and of SageMaker's containers: it asks the only endpoint there is. */
export const invocations: Protocol = {
  name: 'invocations',
  routes: [{ path: '/invocations', answers: invocationAnswers }],
  read: (request) => readInvocation(request),
  error: ({ status, message }) => jsonAnswer(status, { error_code: mlflowCode(status), message }),
  openApi(endpoints) {
    const version = operation({ id: 'version', summary: "MLflow: the server's version, which is Slipway's" })
    const [only, another] = endpoints
    return {
      '/version': { get: version },
      ...(only !== undefined &&
        another === undefined && { '/invocations': { post: invocationOperation(only, 'invocations') } }),
    }
  },
  lookups: ({ slipway }) => [
    {
      method: 'GET',
      path: '/version',
      answer: () => ({ status: 200, headers: ['content-type', 'text/plain'], body: slipway }),
    },
  ],
}

/** mlflow/protos/databricks.proto. */
function mlflowCode(status: number): string {
  if (status === 503) return 'TEMPORARILY_UNAVAILABLE'
  if (status === 404) return 'RESOURCE_DOES_NOT_EXIST'
  return status < 500 ? 'BAD_REQUEST' : 'INTERNAL_ERROR'
}

export function invocationOperation(endpoint: DescribedEndpoint, id: string): object {
  const { name, row } = endpoint
  const rows = { type: 'array', items: row }
  return operation({
    id,
    endpoint: name,
    summary: 'SageMaker and MLflow: rows in, predictions out',
    request: { oneOf: [objectOf('instances', rows), objectOf('dataframe_records', rows)] },
    answer: objectOf('predictions', predictionsSchema(endpoint)),
  })
}
