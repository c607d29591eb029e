import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ModelServerOptions } from '../gateway/model-server.ts'
import { packageRoot } from '../lib/code/host.ts'
import { SlipwayError } from '../lib/formats/errors.ts'

/**
 * How long a gateway that got SIGTERM goes on answering unless `SLIPWAY_DRAIN_MS` says otherwise, ms: a load balancer
 * that looks every two seconds has seen twice that it is not ready.
 */
export const usualDrainMs = 5_000

/** Settings of everything that answers requests, whatever it serves. */
type ServerSettings = Omit<ModelServerOptions, 'model' | 'host' | 'port' | 'protocols' | 'own'>

/** What its environment says: see docs/cli.md. @throws SlipwayError USAGE */
export function serverSettings(env: NodeJS.ProcessEnv): ServerSettings {
  const [cert, key] = [fileIn(env, 'SLIPWAY_TLS_CERT'), fileIn(env, 'SLIPWAY_TLS_KEY')]
  if ((cert === undefined) !== (key === undefined))
    throw new SlipwayError('USAGE', 'SLIPWAY_TLS_CERT and SLIPWAY_TLS_KEY belong together', {
      next: 'set both, or none',
    })
  const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'))
  return {
    bodyLimit: numberIn(env, 'SLIPWAY_BODY_LIMIT', 16 * 1024 * 1024),
    textLimit: numberIn(env, 'SLIPWAY_TEXT_LIMIT', 8 * 1024 * 1024),
    timeoutMs: numberIn(env, 'SLIPWAY_REQUEST_TIMEOUT_MS', 10_000),
    cacheEntries: numberIn(env, 'SLIPWAY_CACHE_ENTRIES', 0),
    drainMs: numberIn(env, 'SLIPWAY_DRAIN_MS', usualDrainMs),
    tokens: fileIn(env, 'SLIPWAY_GATEWAY_TOKENS')
      ?.toString('utf8')
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== ''),
    allowFaults: env.SLIPWAY_ALLOW_FAULTS === '1',
    tls: cert === undefined || key === undefined ? undefined : { cert, key },
    version,
  }
}

/** @throws SlipwayError USAGE */
export function numberIn(env: NodeJS.ProcessEnv, name: string, usual: number, least = 0): number {
  const value = env[name] === undefined ? usual : Number(env[name])
  if (Number.isFinite(value) && value >= least) return value
  throw new SlipwayError('USAGE', `${name} is "${env[name]}", not a number from ${least} on`, {
    next: `unset it, or ${name}=${usual}`,
  })
}

/** @throws SlipwayError USAGE */
function fileIn(env: NodeJS.ProcessEnv, name: string): Buffer | undefined {
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
