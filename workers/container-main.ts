import { type ModelServer, serveModel } from '../gateway/model-server.ts'
import type { ModelVersion } from '../lib/formats/route.ts'
import { containerOptions } from './container-settings.ts'
import { fixZone } from './fixed-zone.ts'
import { serveUntilStopped } from './serve-until-stopped.ts'

fixZone()

/** Starts a server of one model, as its container's environment says: docs/container.md. */
async function start(): Promise<ModelServer & { readonly version: ModelVersion }> {
  const options = await containerOptions(process.argv.slice(2), process.env)
  return { ...(await serveModel(options)), version: options.model.version }
}

await serveUntilStopped('the server', start, ({ port, version: { model, version, digest } }) =>
  console.error(`version ${version} of ${model} (${digest}) is served on port ${port}`),
)
