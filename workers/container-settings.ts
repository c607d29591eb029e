import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ModelServerOptions } from '../gateway/model-server.ts'
import { containerProtocols } from '../gateway/protocols/containers/spoken.ts'
import { packageRoot } from '../lib/code/host.ts'
import { containerPort } from '../lib/formats/container-paths.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import { holdsModel, openModelFolder } from '../lib/models/model-folder.ts'
import { keyFilesIn, keysIn } from './keys.ts'
import { numberIn, serverSettings } from './server-settings.ts'

/** Where platforms say that a model lies, in the order in which they are asked. */
const folderVariables = ['SLIPWAY_MODEL_FOLDER', 'SM_MODEL_DIR', 'AIP_STORAGE_URI', 'AZUREML_MODEL_DIR'] as const
/** Where SageMaker puts one, and where an image of ours has its own. */
const usualFolders = ['/opt/ml/model', join(packageRoot, 'model')]
/** Who says on which port requests come. */
const portVariables = ['SAGEMAKER_BIND_TO_PORT', 'AIP_HTTP_PORT', 'SLIPWAY_GATEWAY_PORT'] as const

/**
 * Settings of a server of one model from the environment of its container: see docs/container.md.
 * @param args of the command: `serve`, or nothing
 * @throws SlipwayError USAGE, NOT_FOUND, DIGEST_MISMATCH, SIGNATURE_INVALID
 */
export async function containerOptions(args: readonly string[], env: NodeJS.ProcessEnv): Promise<ModelServerOptions> {
  if (args.length > 1 || (args[0] ?? 'serve') !== 'serve')
    throw new SlipwayError('USAGE', `this container serves a model; it cannot ${args.join(' ').slice(0, 40)}`, {
      next: 'run it with the argument serve, or without any',
    })
  const trusted = env.SLIPWAY_TRUSTED_KEYS === undefined ? new Map() : keysIn(keyFilesIn(env.SLIPWAY_TRUSTED_KEYS))
  const port = portVariables.find((name) => env[name] !== undefined) ?? 'SLIPWAY_GATEWAY_PORT'
  return {
    ...serverSettings(env),
    own: containerProtocols({ predict: env.AIP_PREDICT_ROUTE, health: env.AIP_HEALTH_ROUTE }),
    model: await openModelFolder(await folderIn(env), trusted),
    // Whoever runs a container says who reaches it.
    host: env.SLIPWAY_GATEWAY_HOST ?? '0.0.0.0',
    port: numberIn(env, port, containerPort),
  }
}

/**
 * The first folder that holds a model. One that is empty or not there is passed over, for platforms name folders
 * though they were given no model; one that holds something else is a mistake.
 */
async function folderIn(env: NodeJS.ProcessEnv): Promise<string> {
  const named = folderVariables.flatMap((name) => {
    const value = env[name]
    return value === undefined || value === '' ? [] : [{ by: name, place: value }]
  })
  const places = [...named, ...usualFolders.map((place) => ({ by: '', place }))]
  const passed: string[] = []
  for (const { by, place } of places) {
    const where = by === '' ? place : `${by}=${place}`
    const folder = localPath(place)
    if (folder === undefined) {
      passed.push(`${where}, which is no folder of this machine`)
      continue
    }
    const found = await modelBelow(folder)
    if (typeof found === 'string') return found
    if (found > 0 && by !== '')
      throw new SlipwayError('NOT_FOUND', `${where} holds something else than a model of Slipway`, {
        next: 'give it what `slipway package --folder` or `--sagemaker` writes',
      })
    passed.push(where)
  }
  throw new SlipwayError('NOT_FOUND', `there is no model here; looked for in ${passed.join(', ')}`, {
    next: 'mount what `slipway package --folder` writes, or use an image of `slipway package --oci`, which has one',
  })
}

/** A path; undefined for what lies elsewhere. */
function localPath(place: string): string | undefined {
  if (place.startsWith('file:')) return fileURLToPath(place)
  return /^[a-z][a-z0-9+.-]*:\/\//.test(place) ? undefined : place
}

/**
 * The folder itself, or the only one below it that holds a model: Azure ML names the folder above.
 * @returns how much else there is where none does
 */
async function modelBelow(folder: string): Promise<string | number> {
  if (await holdsModel(folder)) return folder
  const inside = await readdir(folder, { withFileTypes: true }).catch(() => [])
  const holding: string[] = []
  for (const entry of inside)
    if (entry.isDirectory() && (await holdsModel(join(folder, entry.name)))) holding.push(join(folder, entry.name))
  return holding.length === 1 ? (holding[0] as string) : inside.length
}
