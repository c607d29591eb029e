import { invalid } from '../../../lib/models/rows.ts'
import { isObject, parseJson } from '../json.ts'
import type { Route, Served } from '../protocol.ts'
import { jsonAnswer } from '../write.ts'
import { modelConfig } from './config.ts'
import { serverMetadata } from './metadata.ts'
import { loadsByRoutes, metadataOf, modelStatistics, repositoryIndex } from './repository.ts'

/**
 * What the protocol is asked besides predictions, and of Triton's extensions the model repository's index, the
 * configuration and statistics of models.
 */
export function openInferenceLookups(served: Served): readonly Route[] {
  const { slipway, isReady, find, index, statistics } = served
  const stats = (name?: string, version?: string) =>
    jsonAnswer(200, { model_stats: modelStatistics(statistics(name, version)) })
  const metadata: Route['answer'] = (_, name = '', number = undefined) => {
    // The statistics of all models stand at /v2/models/stats, where an endpoint of this name would.
    if (name === 'stats' && number === undefined && !index().some((each) => each.name === name)) return stats()
    return jsonAnswer(200, metadataOf(name, find(name, number)))
  }
  const config: Route['answer'] = (_, name = '', number = undefined) => {
    const found = find(name, number)
    return jsonAnswer(200, modelConfig(metadataOf(name, found), found.version))
  }
  const ready: Route['answer'] = (_, name = '', number = undefined) => {
    find(name, number)
    return jsonAnswer(200, { ready: true })
  }
  const refuse: Route['answer'] = () => {
    throw loadsByRoutes()
  }
  const ofModels = (path: string, answer: Route['answer']): readonly Route[] => [
    { method: 'GET', path: `/v2/models/{name}${path}`, answer },
    { method: 'GET', path: `/v2/models/{name}/versions/{version}${path}`, answer },
  ]
  return [
    ...ofModels('/ready', ready),
    ...ofModels('/config', config),
    ...ofModels('/stats', (_, name, number) => stats(name, number)),
    ...ofModels('', metadata),
    {
      method: 'POST',
      path: '/v2/repository/index',
      answer: ({ body }) => jsonAnswer(200, repositoryIndex(index(), asksReady(body))),
    },
    { method: 'POST', path: '/v2/repository/models/{name}/load', answer: refuse },
    { method: 'POST', path: '/v2/repository/models/{name}/unload', answer: refuse },
    { method: 'GET', path: '/v2/health/live', isOpen: true, answer: () => jsonAnswer(200, { live: true }) },
    {
      method: 'GET',
      path: '/v2/health/ready',
      isOpen: true,
      answer: () => jsonAnswer(isReady() ? 200 : 503, { ready: isReady() }),
    },
    { method: 'GET', path: '/v2', answer: () => jsonAnswer(200, serverMetadata(slipway)) },
  ]
}

/** Whether only what can be asked is wanted. */
function asksReady(body: Buffer): boolean {
  if (body.length === 0) return false
  const request = parseJson(body)
  if (!isObject(request)) throw invalid('expected an object, { "ready": true } for one')
  const { ready = false } = request
  if (typeof ready === 'boolean') return ready
  throw invalid('expected true or false', 'ready')
}
