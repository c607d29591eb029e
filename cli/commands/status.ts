import { readFileSync } from 'node:fs'
import { platformDocument, readStatus } from '../../client/platform.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { keyFiles, type PlatformState, readLost, readPlatform } from '../../workers/platform/state.ts'
import { findRoot } from '../../workers/root.ts'
import { print, printJson } from '../output.ts'

/** What is up and where. Read from a file alone, so that scripts may ask at every turn. */
export async function status(options: { json?: boolean; env?: boolean }): Promise<number> {
  const root = findRoot()
  const state = readPlatform(root)
  if (options.env === true) {
    if (state === undefined)
      throw new SlipwayError('PLATFORM_MISSING', 'no platform runs here', { next: 'npx slipway up --detach' })
    printEnvironment(root, state, options)
    return 0
  }
  if (state === undefined) {
    if (options.json === true) printJson(readStatus(root))
    else print('not running: npx slipway up --detach')
    return 0
  }
  showState(root, state, options)
  return 0
}

/** Where everything is, for people or as JSON. */
export function showState(root: string, state: PlatformState, { json }: { json?: boolean }): void {
  if (json === true) {
    printJson(platformDocument(root, state))
    return
  }
  if (state.console !== undefined)
    print(`console          ${state.console.address}  (its buttons ask for the token in .slipway/console.token)`)
  print(`Temporal         ${state.temporal.address}  (from ${state.temporal.from})`)
  if (state.temporal.ui !== undefined) print(`Temporal web UI  ${state.temporal.ui}`)
  print(`S3               ${state.s3.endpoint}  (from ${state.s3.from})`)
  print(`worker           pid ${state.worker.pid}`)
  if (state.gateway !== undefined)
    print(`gateway          ${state.gateway.address}${state.gateway.grpc ? `  (gRPC at ${state.gateway.grpc})` : ''}`)
  const lost = readLost(root)
  if (lost > 0) print(`lost             ${lost} that Temporal does not know any more: npx slipway recover`)
}

/** Shell lines with which another folder's commands work against this platform. They hold secrets: never log them. */
function printEnvironment(root: string, state: PlatformState, { json }: { json?: boolean }): void {
  const { accessKeyId, secretAccessKey } = JSON.parse(readFileSync(keyFiles(root).s3, 'utf8'))
  const variables = {
    TEMPORAL_ADDRESS: state.temporal.address,
    ...(state.temporal.ui === undefined ? {} : { TEMPORAL_UI_ADDRESS: state.temporal.ui }),
    ...(state.gateway === undefined ? {} : { SLIPWAY_GATEWAY_ADDRESS: state.gateway.address }),
    S3_ENDPOINT: state.s3.endpoint,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    SLIPWAY_SIGNING_KEY: keyFiles(root).signing,
    SLIPWAY_TRUSTED_KEYS: keyFiles(root).trusted,
  }
  if (json === true) printJson(variables)
  else
    for (const [name, value] of Object.entries(variables)) print(`export ${name}='${value.replaceAll("'", "'\\''")}'`)
}
