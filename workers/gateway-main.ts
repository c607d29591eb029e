import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type GatewayOptions, startGateway } from '../gateway/gateway.ts'
import { adaptersOf } from '../lib/extensions/adapters.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import { monitorsOf } from '../lib/store/monitors.ts'
import { tellSupervisor } from '../workflows/messages.ts'
import { connect, type TemporalClient } from './connect.ts'
import { fixZone } from './fixed-zone.ts'
import { makePlatformFolder } from './platform/state.ts'
import { serveUntilStopped } from './serve-until-stopped.ts'
import { numberIn, serverSettings } from './server-settings.ts'
import { consoleAddress, findRoot, readSettings, storeOf, trustedKeysOf } from './settings.ts'

fixZone()

/** Settings of a gateway, from its environment: see docs/cli.md. */
async function readOptions(env = process.env): Promise<GatewayOptions> {
  const root = findRoot()
  if (env.SLIPWAY_GATEWAY_FOLDER === undefined) makePlatformFolder(root)
  // A gateway asks the store only: it needs to know nothing of Temporal.
  const settings = readSettings(root, env, { temporal: false })
  const store = storeOf(settings)
  const { protocols } = await adaptersOf(root, { store })
  return {
    ...serverSettings(env),
    store,
    protocols,
    trusted: trustedKeysOf(settings),
    folder: env.SLIPWAY_GATEWAY_FOLDER ?? join(root, '.slipway', 'gateway'),
    host: env.SLIPWAY_GATEWAY_HOST ?? '127.0.0.1',
    port: numberIn(env, 'SLIPWAY_GATEWAY_PORT', 8080),
    grpcPort: env.SLIPWAY_GRPC_PORT === undefined ? undefined : numberIn(env, 'SLIPWAY_GRPC_PORT', 8081),
    address: env.SLIPWAY_GATEWAY_ADDRESS,
    captureRate: numberIn(env, 'SLIPWAY_CAPTURE_RATE', 0.01),
    alert: alertTaker(root),
    lookupBytes: Math.min(numberIn(env, 'SLIPWAY_LOOKUP_MB', 512), 4_095) * 2 ** 20,
    windowMs: numberIn(env, 'SLIPWAY_WINDOW_MS', 2_000, 50),
  }
}

/**
 * Hands alerts to supervisors. The connection is made when the first alert comes: serving needs no Temporal, and must
 * not wait for it.
 */
function alertTaker(root: string): GatewayOptions['alert'] {
  let connecting: Promise<TemporalClient> | undefined
  return async (causes) => {
    const settings = readSettings(root)
    const store = storeOf(settings)
    const untold = new Map<string, string>()
    for (const pipeline of new Set(causes.map((each) => each.pipeline))) {
      const monitors = await monitorsOf(store, pipeline)
      if (monitors.length === 0) untold.set(pipeline, `no pipeline "${pipeline}" is watched here`)
      else if (!monitors.some(({ step }) => step.policy.retrain !== null))
        untold.set(pipeline, `pipeline "${pipeline}" does not retrain: its p.monitor has no retrain`)
    }
    const told = causes.filter(({ pipeline }) => !untold.has(pipeline))
    if (told.length === 0) return untold
    connecting ??= connect(settings)
    const { client } = await connecting.catch((error) => {
      connecting = undefined
      throw new SlipwayError('OVERLOADED', `the alert cannot be handed on: ${(error as Error).message}`)
    })
    for (const { pipeline, cause } of told)
      await client.workflow.signalWithStart('supervise', tellSupervisor(pipeline, cause, consoleAddress(root)))
    return untold
  }
}

// Rows, labels and routes that it keeps are for its owner alone.
process.umask(0o077)
await serveUntilStopped(
  'the gateway',
  () => readOptions().then(startGateway),
  (gateway) => {
    const grpc = gateway.grpcAddress === undefined ? '' : `, gRPC at ${gateway.grpcAddress}`
    console.error(`gateway ${gateway.id} answers at ${gateway.address}${grpc}`)
    const readyFile = process.env.SLIPWAY_READY_FILE
    if (readyFile !== undefined)
      writeFileSync(readyFile, JSON.stringify({ pid: process.pid, address: gateway.address }), { mode: 0o600 })
  },
)
