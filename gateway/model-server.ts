import { setTimeout as sleep } from 'node:timers/promises'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { Route } from '../lib/formats/route.ts'
import type { ModelInFolder } from '../lib/models/model-folder.ts'
import { isTensorModel } from '../lib/models/package-files.ts'
import { createAdmission } from './admission.ts'
import { maxWaitMs } from './ask-version.ts'
import { createLargeBodies } from './bodies/large-bodies.ts'
import { Endpoint } from './endpoint.ts'
import { createFaultLog } from './fault-log.ts'
import { type HttpOptions, type HttpServer, listen } from './http.ts'
import type { Snapshots } from './lookups/snapshots.ts'
import { createMetrics } from './metrics.ts'
import { readingsOfEndpoints } from './readings.ts'
import { loadScorer } from './scorer.ts'
import type { ScoringFailure } from './scoring.ts'
import { createHandler, type ServerOptions } from './server.ts'
import { loadTensorScorer } from './tensors/scorer.ts'
import { createTracer } from './tracing.ts'

export interface ModelServerOptions extends ServerOptions, Pick<HttpOptions, 'host' | 'port' | 'tls'> {
  readonly model: ModelInFolder
  /** Predictions kept to answer the same body again; 0 keeps none. */
  readonly cacheEntries: number
  /** How long a server that is told to stop answers on, ms. */
  readonly drainMs: number
}

export interface ModelServer {
  readonly port: number
  /** As a gateway's. */
  stop(now?: boolean): Promise<void>
}

/** Where no route names any. */
const noSnapshots: Snapshots = {
  get: () => Promise.reject(new SlipwayError('INTERNAL', 'a model of a folder looks nothing up')),
  keepOnly() {},
  bytes: () => 0,
}

/** There is one revision ever. */
const routeOf = ({ version }: ModelInFolder): Route => ({
  slipway: 'route/1',
  endpoint: version.model,
  revision: 1,
  champion: version,
  previous: null,
  rollout: null,
})

const note = (what: string): void => console.error(`${new Date().toISOString()} serve: ${what}`)

/**
 * Serves one model, with all that a gateway answers requests with and nothing of a store: no routes, windows or
 * labels.
 * @throws SlipwayError DIGEST_MISMATCH for a model that cannot be loaded, and what Node throws for a taken port
 */
export async function serveModel(options: ModelServerOptions): Promise<ModelServer> {
  const { model } = options
  const endpoint = await endpointOf(options)
  const tracer = await createTracer()
  const admission = createAdmission()
  const largeBodies = createLargeBodies(options.bodyLimit)
  let server: HttpServer | undefined
  let isDraining = false
  const isReady = (): boolean => !isDraining
  const handler = createHandler(
    {
      endpoint: (name) => (name === endpoint.name ? endpoint : undefined),
      endpoints: () => [endpoint],
      known: () => [endpoint],
      admission,
      largeBodies,
      isReady,
      health: () => ({
        status: isDraining ? 'stopping' : 'ok',
        ...model.version,
        signedBy: model.signedBy ?? null,
        engine: endpoint.champion?.scorer.engine,
      }),
      metrics: createMetrics(
        readingsOfEndpoints(
          () => [endpoint],
          () => server?.inFlight ?? 0,
        ),
      ),
      tracer,
      keepLabels() {
        throw new SlipwayError('NOT_FOUND', 'labels are kept by gateways; this server has one model and no store')
      },
      alert: undefined,
    },
    options,
  )
  const opened = await listen({ ...options, handler })
  server = opened
  const drain = new AbortController()
  let stopped: Promise<void> | undefined
  const end = async (): Promise<void> => {
    isDraining = true
    opened.drain()
    await sleep(options.drainMs, undefined, { signal: drain.signal }).catch(() => {})
    await opened.close()
    await endpoint.close()
    admission.stop()
    largeBodies.close()
    await tracer?.close()
  }
  return {
    port: opened.port,
    stop(now = false) {
      if (now) drain.abort()
      stopped ??= end()
      return stopped
    },
  }
}

/** The model as an endpoint that serves it to everybody, loaded and warm. */
async function endpointOf({ model, cacheEntries }: ModelServerOptions): Promise<Endpoint> {
  const { version, local } = model
  const noteFault = createFaultLog(async (error) => error, note)
  const noted = (failure: ScoringFailure): void => void noteFault(version, failure)
  const endpoint = new Endpoint({
    name: version.model,
    maxWaitMs,
    cacheEntries,
    captureRate: 0,
    snapshots: noSnapshots,
    load: async () =>
      isTensorModel(local) ? loadTensorScorer(version, local, noted) : loadScorer(version, local, noted),
  })
  await endpoint.apply(routeOf(model))
  return endpoint
}
