import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import getPort from 'get-port'
import { packageRoot } from '../../lib/code/host.ts'
import type { ModelVersion } from '../../lib/formats/route.ts'
import { folderEntries, writeEntries } from '../../lib/models/model-folder.ts'
import { wholePackage } from '../../lib/models/package.ts'
import type { Store } from '../../lib/store/store.ts'
import type { TarEntry } from '../../lib/store/tar.ts'
import { eventually } from './gateways.ts'

/** What the folder of a model consists of. @param keyIds whose signatures go along */
export const entriesOf = async (
  store: Store,
  version: ModelVersion,
  keyIds: readonly string[] = [],
): Promise<readonly TarEntry[]> =>
  folderEntries(await wholePackage({ store, trusted: new Map() }, version.digest, keyIds), version)

/** A model as `slipway package --folder` writes it. */
export async function writeModelFolder(
  store: Store,
  version: ModelVersion,
  keyIds: readonly string[] = [],
): Promise<string> {
  const folder = join(mkdtempSync(join(tmpdir(), 'slipway-served-')), 'model')
  await writeEntries(folder, await entriesOf(store, version, keyIds))
  return folder
}

/** A server of one model as a process of its own. */
export interface ModelServerProcess {
  readonly address: string
  readonly pid: number
  /** What it has said so far. */
  said(): string
  /** @returns its exit code, when it has ended */
  signal(name: NodeJS.Signals): Promise<number | null>
  readonly ended: Promise<number | null>
}

/** How a server is started, where that is not the built one on this machine. */
export interface ServerCommand {
  readonly command: string
  readonly args: readonly string[]
}

const built: ServerCommand = { command: process.execPath, args: [join(packageRoot, 'dist/serve.js'), 'serve'] }

/** Starts a server with this environment and no other. It may end by itself. */
export async function beginModelServer(
  env: Readonly<Record<string, string>>,
  { command, args } = built,
): Promise<ModelServerProcess> {
  const port = env.SAGEMAKER_BIND_TO_PORT ?? env.AIP_HTTP_PORT ?? String(await getPort())
  const child = spawn(command, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { SLIPWAY_GATEWAY_HOST: '127.0.0.1', SLIPWAY_GATEWAY_PORT: port, SLIPWAY_DRAIN_MS: '0', ...env },
  })
  let said = ''
  child.stderr.on('data', (chunk) => {
    said += chunk
  })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  await once(child, 'spawn')
  return {
    address: `http://127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    said: () => said,
    signal(name) {
      child.kill(name)
      return ended
    },
    ended,
  }
}

/** The same, when it answers. @throws when it ends instead, with what it said */
export async function startModelServer(...args: Parameters<typeof beginModelServer>): Promise<ModelServerProcess> {
  const server = await beginModelServer(...args)
  let hasEnded = false
  void server.ended.then(() => {
    hasEnded = true
  })
  await eventually(async () => {
    if (hasEnded) throw new Error(`it ended instead:\n${server.said()}`)
    return (await fetch(`${server.address}/ping`).catch(() => undefined))?.ok === true
  })
  return server
}
