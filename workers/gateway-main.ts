import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type GatewayOptions, startGateway } from '../gateway/gateway.ts'
import { packageRoot } from '../lib/code/host.ts'
import { adaptersOf } from '../lib/extensions/adapters.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import { monitorsOf } from '../lib/store/monitors.ts'
import { tellSupervisor } from '../workflows/messages.ts'
import { connect, type TemporalClient } from './connect.ts'
import { makePlatformFolder } from './platform/state.ts'
import { findRoot, readSettings, storeOf, trustedKeysOf, usualDrainMs } from './settings.ts'

/** Settings of a gateway, from its environment: see docs/cli.md. */
async function readOptions(env = process.env): Promise<GatewayOptions> {
  const root = findRoot()
  if (env.SLIPWAY_GATEWAY_FOLDER === undefined) makePlatformFolder(root)
  // A gateway asks the store only: it needs to know nothing of Temporal.
  const settings = readSettings(root, env, { temporal: false })
  const number = (name: string, usual: number, least = 0): number => {
    const value = env[name] === undefined ? usual : Number(env[name])
    if (Number.isFinite(value) && value >= least) return value
    throw new SlipwayError('USAGE', `${name} is "${env[name]}", not a number from ${least} on`, {
      next: `unset it, or ${name}=${usual}`,
    })
  }
  const file = (name: string): Buffer | undefined => {
    const path = env[name]
    if (path === undefined) return undefined
    try {
      return readFileSync(path)
    } catch (error) {
      throw new SlipwayError('USAGE', `${name} cannot be read: ${(error as Error).message}`, {
        next: `correct ${name}`,
      })
    }
  }
  const [cert, key] = [file('SLIPWAY_TLS_CERT'), file('SLIPWAY_TLS_KEY')]
  if ((cert === undefined) !== (key === undefined))
    throw new SlipwayError('USAGE', 'SLIPWAY_TLS_CERT and SLIPWAY_TLS_KEY belong together', {
      next: 'set both, or none',
    })
  const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'))
  const store = storeOf(settings)
  const { protocols } = await adaptersOf(root, { store })
  return {
    store,
    protocols,
    trusted: trustedKeysOf(settings),
    folder: env.SLIPWAY_GATEWAY_FOLDER ?? join(root, '.slipway', 'gateway'),
    host: env.SLIPWAY_GATEWAY_HOST ?? '127.0.0.1',
    port: number('SLIPWAY_GATEWAY_PORT', 8080),
    address: env.SLIPWAY_GATEWAY_ADDRESS,
    bodyLimit: number('SLIPWAY_BODY_LIMIT', 16 * 1024 * 1024),
    timeoutMs: number('SLIPWAY_REQUEST_TIMEOUT_MS', 10_000),
    captureRate: number('SLIPWAY_CAPTURE_RATE', 0.01),
    alert: alertTaker(root),
    cacheEntries: number('SLIPWAY_CACHE_ENTRIES', 0),
    lookupBytes: Math.min(number('SLIPWAY_LOOKUP_MB', 512), 4_095) * 2 ** 20,
    drainMs: number('SLIPWAY_DRAIN_MS', usualDrainMs),
    windowMs: number('SLIPWAY_WINDOW_MS', 2_000, 50),
    tokens: file('SLIPWAY_GATEWAY_TOKENS')
      ?.toString('utf8')
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== ''),
    allowFaults: env.SLIPWAY_ALLOW_FAULTS === '1',
    tls: cert === undefined || key === undefined ? undefined : { cert, key },
    version,
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
      await client.workflow.signalWithStart('supervise', tellSupervisor(pipeline, cause))
    return untold
  }
}

// Rows, labels and routes that it keeps are for its owner alone.
process.umask(0o077)
try {
  const starting = readOptions().then(startGateway)
  // Whoever sees that it is ready may stop it at once: it listens to that before it can be seen.
  const stop = async (now: boolean): Promise<void> => {
    await (await starting).stop(now)
    process.exit(0)
  }
  process.on('SIGTERM', () => void stop(false))
  // Whoever presses Ctrl-C has no load balancer that must notice.
  process.on('SIGINT', () => void stop(true))
  // A fault that nobody foresaw costs its request, not all the others.
  process.on('unhandledRejection', (error) => console.error('gateway: unforeseen:', error))
  const gateway = await starting
  console.error(`gateway ${gateway.id} answers at ${gateway.address}`)
  const readyFile = process.env.SLIPWAY_READY_FILE
  if (readyFile !== undefined) writeFileSync(readyFile, JSON.stringify({ pid: process.pid, address: gateway.address }))
} catch (error) {
  if (!(error instanceof SlipwayError)) {
    console.error(`the gateway does not start: ${(error as Error).message}`)
    process.exit(1)
  }
  console.error(
    `${error.code}: ${error.message}${error.facts.next === undefined ? '' : `\n  next: ${error.facts.next}`}`,
  )
  process.exit(error.exitCode)
}
