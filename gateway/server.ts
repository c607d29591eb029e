import { SlipwayError } from '../lib/formats/errors.ts'
import type { Admission } from './admission.ts'
import { type ByteBudget, noRoom } from './bodies/byte-budget.ts'
import { smallBody } from './bodies/json-bounds.ts'
import { largerThan, limitOf, usualLimit } from './bodies/limits.ts'
import { readableBody } from './body.ts'
import { createDirectory, type Directory } from './directory.ts'
import type { Endpoint } from './endpoint.ts'
import { createErrorAnswers, errorAnswer } from './error-answers.ts'
import type { CallHandler, RequestHandler } from './http-request.ts'
import { type OwnRoutesDeps, ownRoutes } from './own-routes.ts'
import { type PredictionDeps, type PredictionOptions, type PredictionRequest, Predictions } from './predictions.ts'
import { protocolsWith } from './protocols/index.ts'
import type { Outgoing, Protocol, Route, Served } from './protocols/protocol.ts'
import { createRouter, type OwnedRoute, type Router } from './router.ts'
import { createStatistics, indexOf, statisticsOf } from './statistics.ts'
import { bearerCheck } from './tokens.ts'

export interface ServerOptions extends PredictionOptions {
  /** Requests must bear one of these tokens; undefined lets everybody ask. */
  readonly tokens: readonly string[] | undefined
  /** Slipway's. */
  readonly version: string
  /** Those of its own; all of them unless it says which. */
  readonly own?: readonly Protocol[]
}

/** What answering asks of the gateway around it. */
export interface ServerDeps
  extends Omit<PredictionDeps, 'directory' | 'statistics'>,
    Omit<OwnRoutesDeps, 'directory' | 'protocols' | 'version'> {
  /** All that are known, also those whose first route is still being loaded. */
  known(): readonly Endpoint[]
  endpoint(name: string): Endpoint | undefined
  /** Those with a route. */
  endpoints(): readonly Endpoint[]
  /** Decides which requests are refused before they are read, for load's sake. */
  readonly admission: Admission
}

/**
 * The gateway's side of HTTP, without sockets: a list of routes, most of them of protocols.
 * @throws SlipwayError DEFINITION_INVALID for two protocols with one name, or for one route
 */
export function createHandler(deps: ServerDeps, options: ServerOptions): RequestHandler {
  const { admission } = deps
  const protocols = protocolsWith(options.protocols, options.own)
  const answering = createAnswering(deps, options)
  const router = createRoutes(deps, answering, options, protocols)
  const errors = createErrorAnswers(protocols)
  const isAllowed = options.tokens === undefined ? undefined : bearerCheck(options.tokens)
  return {
    calls: createCalls(deps, answering, isAllowed),
    admit(request) {
      if (isAllowed !== undefined && !router.isOpen(request) && !isAllowed(request.header('authorization'))) {
        const error = new SlipwayError('UNAUTHORIZED', 'a bearer token is needed')
        return errors.at(request.url, error, ['www-authenticate', 'Bearer'])
      }
      // Cheapest before the body is read.
      return request.method === 'POST' && !admission.admits() ? errors.overloaded(request.url) : undefined
    },
    async answer(request) {
      return amongOthers(admission, request, async () => {
        try {
          return await router.answer(request)
        } catch (error) {
          return errors.at(request.url, error)
        }
      })
    },
    limitOf: (request) => router.limitOf(request),
    tooLarge: (request) => errors.at(request.url, largerThan(router.limitOf(request)), ['connection', 'close']),
    bytes: deps.largeBodies.budget,
    noRoom: (request) => errors.at(request.url, noRoom(), ['connection', 'close']),
  }
}

/** Answers a request as one of those under way; a large one is not: its bytes are counted, and it waits apart. */
async function amongOthers(
  admission: Admission,
  request: PredictionRequest,
  answer: () => Promise<Outgoing>,
): Promise<Outgoing> {
  let isAmong = request.body.length <= smallBody
  if (isAmong) admission.enter()
  request.stepAside = () => {
    if (isAmong) admission.leave(undefined)
    isAmong = false
  }
  try {
    return await answer()
  } finally {
    if (isAmong) admission.leave(performance.now() - request.arrivedAt)
  }
}

/** What answers, by whatever transport it is asked. */
interface Answering {
  readonly directory: Directory
  readonly predictions: Predictions
  readonly served: Served
}

function createAnswering(deps: ServerDeps, options: ServerOptions): Answering {
  const directory = createDirectory(deps.endpoints, deps.endpoint)
  const statistics = createStatistics()
  return {
    directory,
    predictions: new Predictions({ ...deps, directory, statistics }, options),
    served: {
      slipway: options.version,
      isReady: deps.isReady,
      names: directory.names,
      find: directory.find,
      index: () => indexOf(deps.known()),
      statistics: (name, version) => statisticsOf(statistics, directory, name, version),
    },
  }
}

function createCalls(
  { admission, largeBodies }: ServerDeps,
  { served, predictions }: Answering,
  isAllowed: ReturnType<typeof bearerCheck> | undefined,
): CallHandler {
  const overload = new SlipwayError('OVERLOADED', 'the gateway has more requests than it can answer')
  return {
    served,
    isAllowed,
    admit() {
      if (!admission.admits()) throw overload
    },
    async predict(protocol, request, name, version) {
      const { budget } = largeBodies
      if (request.body.length > smallBody && !budget.take(request, request.body.length)) throw noRoom()
      try {
        return await amongOthers(admission, request, () =>
          predictions.answer({ protocol, path: '', answers: [] }, request, name, version),
        )
      } finally {
        budget.giveBack(request)
      }
    },
  }
}

/** Everything that is answered: predictions first, for they are asked for most. */
function createRoutes(
  deps: ServerDeps,
  { directory, predictions, served }: Answering,
  { version, ...limits }: ServerOptions,
  protocols: readonly Protocol[],
): Router {
  const predicting = (protocol: Protocol): OwnedRoute[] =>
    protocol.routes.map((route) => {
      const asker = { ...route, protocol }
      return {
        owner: ownerOf(protocol),
        method: 'POST',
        path: route.path,
        limitOf: (request) => limitOf(request, limits),
        answer: (request, name, number) => predictions.answer(asker, request, name, number),
      }
    })
  const owned = (owner: string, routes: readonly Route[] = []): OwnedRoute[] =>
    routes.map((route) => {
      const limit = Math.min(route.bodyLimit ?? usualLimit, limits.bodyLimit)
      return { ...unpacking(route, limit, deps.largeBodies.budget), limitOf: () => limit, owner }
    })
  return createRouter([
    ...protocols.flatMap(predicting),
    ...protocols.flatMap((protocol) => owned(ownerOf(protocol), lookupsOf(protocol, served))),
    ...owned('every gateway', ownRoutes({ ...deps, directory, protocols, version })),
  ])
}

const ownerOf = ({ name }: Protocol): string => `protocol ${name}`

/** What clients of a protocol look up, with errors in its form. */
const lookupsOf = (protocol: Protocol, served: Served): Route[] =>
  (protocol.lookups?.(served) ?? []).map((route) => ({
    ...route,
    async answer(...asked) {
      try {
        return await route.answer(...asked)
      } catch (error) {
        return errorAnswer(protocol, error)
      }
    },
  }))

/** A route that is given bodies as they were before they were packed. */
function unpacking(route: Route, limit: number, budget: ByteBudget): Omit<OwnedRoute, 'owner' | 'limitOf'> {
  if (route.method === 'GET') return route
  return {
    ...route,
    async answer(request, name, version) {
      request.body = await readableBody(request, limit, budget)
      return route.answer(request, name, version)
    },
  }
}
