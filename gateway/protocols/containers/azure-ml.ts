import { azureRoutes } from '../../../lib/formats/container-paths.ts'
import { invalid } from '../../../lib/models/rows.ts'
import { readInvocation } from '../invocations/read-invocation.ts'
import { isObject, parseJson } from '../json.ts'
import { objectOf, operation, predictionsSchema } from '../operation.ts'
import type { Asked, Incoming, Protocol } from '../protocol.ts'
import { readMatrix, readRowsOrColumns } from '../rows-or-columns.ts'
import { answersJson, jsonAnswer } from '../write.ts'

/**
 * What Azure ML asks of a container of one's own: three paths, of which liveness and scoring are those of its own
 * inference server. Rows come as its MLflow deployments take them, `input_data`, and are answered by a list; or as
 * `/invocations` takes them, and are answered as there.
 */
export const azureMl: Protocol = {
  name: 'azure-ml',
  routes: [{ path: azureRoutes.scoring, answers: ['application/json'] }],
  read: readScore,
  error: ({ status, code, message }) => jsonAnswer(status, { error: { code, message } }),
  openApi(endpoints) {
    const [only, another] = endpoints
    if (only === undefined || another !== undefined) return {}
    const post = operation({
      id: 'azureScore',
      endpoint: only.name,
      summary: 'Azure ML: rows in, predictions out',
      request: objectOf('input_data', { type: 'array', items: only.row }),
      answer: predictionsSchema(only),
    })
    return { [azureRoutes.scoring]: { post } }
  },
  lookups: ({ isReady }) => [
    { method: 'GET', path: azureRoutes.liveness, isOpen: true, answer: () => jsonAnswer(200, { live: true }) },
    {
      method: 'GET',
      path: azureRoutes.readiness,
      isOpen: true,
      answer: () => jsonAnswer(isReady() ? 200 : 503, { ready: isReady() }),
    },
  ],
}

function readScore(request: Incoming): Asked {
  const isJson = /^\s*(application\/json\b.*)?$/i.test(request.header('content-type') ?? '')
  const json = isJson ? parseJson(request.body) : undefined
  if (!isObject(json) || !Object.hasOwn(json, 'input_data')) return readInvocation(request)
  const { input_data: data } = json
  return {
    read(version) {
      if (!isObject(data) || !Object.hasOwn(data, 'columns')) return readRowsOrColumns(data, version, 'input_data')
      const { columns } = data
      if (!Array.isArray(columns) || !columns.every((name) => typeof name === 'string'))
        throw invalid('expected { columns: [names], data: [[values]] }', 'input_data')
      return readMatrix(columns, data.data, version, 'input_data.data')
    },
    write: (prediction) => ({ contentType: 'application/json', body: `[${answersJson(prediction).join(',')}]` }),
  }
}
