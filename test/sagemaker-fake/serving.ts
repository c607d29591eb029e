import { execFile } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import getPort from 'get-port'
import { download, placeOf } from './buckets.ts'
import { runContainer } from './containers.ts'
import type { Model } from './models.ts'
import type { World } from './world.ts'

const run = promisify(execFile)

/** A model's container that answers requests. */
export interface ServingContainer {
  readonly address: string
  stop(): Promise<void>
}

/** A container that is asked to end gets so long, ms; 30 s at SageMaker. */
const graceMs = 5_000
/** How long it may take to answer `/ping`, ms. */
const startsWithin = 60_000

/**
 * Runs a model as SageMaker does: its archive unpacked in `/opt/ml/model`, its image's command with the argument
 * `serve`, until `/ping` is answered with 200.
 * @param name of whose container it is, for its log and its folder
 * @throws Error with SageMaker's words for what goes wrong
 */
export async function startServing(
  world: World,
  model: Model,
  name: string,
  logGroup: string,
): Promise<ServingContainer> {
  const { Image = '', ModelDataUrl, Environment = {} } = model.request.PrimaryContainer ?? {}
  const image = world.images.get(Image)
  if (image?.serve === undefined)
    throw new Error(`ClientError: Requested image ${Image} not found in registry ID: ${world.account}`)
  const root = join(world.folder, `serving-${name}`)
  mkdirSync(join(root, 'model'), { recursive: true })
  if (ModelDataUrl !== undefined) await unpack(world, ModelDataUrl, root)
  const port = await getPort()
  const container = runContainer({
    command: [...image.serve, 'serve'],
    env: {
      ...image.env,
      ...Environment,
      SAGEMAKER_BIND_TO_PORT: String(port),
      SAGEMAKER_SAFE_PORT_RANGE: '20000-30000',
    },
    root,
    onLine: (line) => world.logs.write(logGroup, `${name}/algo-1`, line),
  })
  const address = `http://127.0.0.1:${port}`
  let hasEnded = false
  void container.ended.then(() => {
    hasEnded = true
  })
  for (const until = Date.now() + startsWithin; ; await sleep(100)) {
    const ping = await fetch(`${address}/ping`).catch(() => undefined)
    if (ping?.status === 200) break
    if (hasEnded || Date.now() > until) {
      await container.stop(graceMs)
      throw new Error(
        'The primary container for production variant did not pass the ping health check. Please check CloudWatch logs for this endpoint.',
      )
    }
  }
  return { address, stop: () => container.stop(graceMs) }
}

async function unpack(world: World, uri: string, root: string): Promise<void> {
  const folder = join(root, 'archive')
  if ((await download(world.s3, uri, folder)) === 0)
    throw new Error(`ClientError: Could not find model data at ${uri}.`)
  const file = placeOf(uri).key.split('/').at(-1) as string
  await run('tar', ['-xzf', join(folder, file), '-C', join(root, 'model')])
}
