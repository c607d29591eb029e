import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { type ClientConnectConfig, loadClientConnectConfig } from '@temporalio/envconfig'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { Outage } from '../lib/store/outage.ts'
import { type Signer, signerFrom, type TrustedKeys } from '../lib/store/signing.ts'
import { createStore, type Store } from '../lib/store/store.ts'
import { keyFilesIn, keyOf, keysIn, readKey } from './keys.ts'
import { keyFiles, readPlatform } from './platform/state.ts'
import { findRoot } from './root.ts'

export { findRoot }

/**
 * Where everything is. Addresses come from the environment (`TEMPORAL_ADDRESS` and Temporal's other variables and
 * files, `S3_ENDPOINT`, `SLIPWAY_BUCKET`, the AWS SDK's own variables); what it does not name, from the embedded
 * platform.
 */
export interface Settings {
  /** The project: the folder with `pipelines/`. */
  readonly root: string
  readonly temporal: ClientConnectConfig
  /** Address of Temporal's web UI, if known. */
  readonly temporalUi: string | undefined
  /** Address of a gateway, if known. */
  readonly gateway: string | undefined
  readonly s3: {
    readonly endpoint: string | undefined
    readonly bucket: string
    readonly region: string
    readonly credentials: { accessKeyId: string; secretAccessKey: string } | undefined
  }
  /** File with the private key that signs code and models. */
  readonly signingKey: string | undefined
  /** Files with the public keys whose signatures count. */
  readonly trustedKeys: readonly string[]
}

/**
 * @param needs a gateway does without Temporal
 * @throws SlipwayError PLATFORM_MISSING when neither the environment nor a running platform says where to go.
 */
export function readSettings(root = findRoot(), env = process.env, needs = { temporal: true }): Settings {
  const platform = readPlatform(root)
  const fromEnvironment = temporalConfig(env)
  const temporal =
    env.TEMPORAL_ADDRESS !== undefined || platform === undefined
      ? fromEnvironment
      : {
          ...fromEnvironment,
          connectionOptions: { ...fromEnvironment.connectionOptions, address: platform.temporal.address },
        }
  const isNamed = env.TEMPORAL_ADDRESS !== undefined || temporal.connectionOptions.address !== undefined
  if (
    (needs.temporal && !isNamed) ||
    (env.S3_ENDPOINT === undefined && env.AWS_REGION === undefined && platform === undefined)
  ) {
    throw new SlipwayError('PLATFORM_MISSING', 'Slipway is not running here', {
      next: 'start it with `npx slipway up --detach`, or set TEMPORAL_ADDRESS and S3_ENDPOINT',
    })
  }
  const usesPlatformStore = env.S3_ENDPOINT === undefined && platform !== undefined
  const ownKey = existsSync(keyFiles(root).signing) ? keyFiles(root).signing : undefined
  const ownPublicKey = existsSync(keyFiles(root).trusted) ? [keyFiles(root).trusted] : []
  return {
    root,
    temporal,
    temporalUi: env.TEMPORAL_UI_ADDRESS ?? (env.TEMPORAL_ADDRESS === undefined ? platform?.temporal.ui : undefined),
    gateway: env.SLIPWAY_GATEWAY_ADDRESS ?? platform?.gateway?.address,
    s3: {
      endpoint: env.S3_ENDPOINT ?? platform?.s3.endpoint,
      bucket: env.SLIPWAY_BUCKET ?? 'slipway',
      region: env.AWS_REGION || 'us-east-1',
      credentials: usesPlatformStore ? JSON.parse(readFileSync(keyFiles(root).s3, 'utf8')) : undefined,
    },
    signingKey: env.SLIPWAY_SIGNING_KEY ?? ownKey,
    trustedKeys: env.SLIPWAY_TRUSTED_KEYS === undefined ? ownPublicKey : keyFilesIn(env.SLIPWAY_TRUSTED_KEYS),
  }
}

/**
 * The store; verified copies of what is read lie in `SLIPWAY_CACHE`, or `.slipway/cache`.
 * @param outage rides out times in which it is away
 */
export function storeOf(settings: Settings, outage?: Outage): Store {
  return createStore({
    ...settings.s3,
    outage,
    seals: { signer: signerOf(settings), trusted: trustedKeysOf(settings) },
    cacheFolder: process.env.SLIPWAY_CACHE ?? join(settings.root, '.slipway', 'cache'),
  })
}

/** Where servers that were fetched are kept for all projects. */
export function cacheHome(env = process.env): string {
  return join(env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'slipway')
}

export function signerOf({ signingKey }: Settings): Signer | undefined {
  return signingKey === undefined ? undefined : keyOf(signingKey, signerFrom)
}

export function trustedKeysOf({ trustedKeys }: Settings): TrustedKeys {
  return keysIn(trustedKeys)
}

/**
 * The console's address, without a slash at its end; undefined where nobody says where it is:
 * `SLIPWAY_CONSOLE_ADDRESS`, or the platform of the project, once it has started one.
 */
export function consoleAddress(root: string, env = process.env): string | undefined {
  return (env.SLIPWAY_CONSOLE_ADDRESS ?? readPlatform(root)?.console?.address)?.replace(/\/$/, '')
}

/** Where alerts go: `SLIPWAY_ALERT_URL`, with the token in the file `SLIPWAY_ALERT_TOKEN_FILE`. */
export function alertTargetOf(env = process.env): { url: string; token: string | undefined } | undefined {
  const { SLIPWAY_ALERT_URL: url, SLIPWAY_ALERT_TOKEN_FILE: file } = env
  if (url === undefined || url === '') return undefined
  if (!URL.canParse(url))
    throw new SlipwayError('USAGE', `SLIPWAY_ALERT_URL is "${url}", not a URL`, {
      next: 'for example http://alertmanager:9093/api/v2/alerts',
    })
  return {
    url,
    token: file === undefined ? undefined : readKey(file).trim(),
  }
}

/** Temporal's own variables and files. @throws SlipwayError USAGE where they cannot be understood */
function temporalConfig(env: NodeJS.ProcessEnv): ClientConnectConfig {
  try {
    return loadClientConnectConfig()
  } catch (error) {
    const file = env.TEMPORAL_CONFIG_FILE
    const [why] = (error as Error).message.split('\n')
    throw new SlipwayError(
      'USAGE',
      `Temporal's settings${file === undefined ? '' : ` in ${file}`} cannot be read: ${why}`,
      {
        next: 'check TEMPORAL_CONFIG_FILE, TEMPORAL_PROFILE and the other variables of Temporal',
      },
    )
  }
}
