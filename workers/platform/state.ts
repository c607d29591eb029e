import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import * as z from 'zod/mini'
import { isAlive } from '../../lib/store/is-alive.ts'

/** What of the embedded platform is where. Ports are kept, so that links stay good over restarts. */
export const PlatformState = z.object({
  /** The process that watches over the others. */
  pid: z.int(),
  startedAt: z.string(),
  temporal: z.object({ address: z.string(), ui: z.optional(z.string()), from: z.string() }),
  s3: z.object({ endpoint: z.string(), from: z.string() }),
  worker: z.object({ pid: z.int() }),
  /** `grpc`: `host:port` where it speaks gRPC. */
  gateway: z.optional(z.object({ pid: z.int(), address: z.string(), grpc: z.optional(z.string()) })),
  console: z.optional(z.object({ pid: z.int(), address: z.string() })),
})
export type PlatformState = z.infer<typeof PlatformState>

/** Everything the platform keeps is below this folder. */
export const platformFolder = (root: string): string => join(root, '.slipway')
export const stateFile = (root: string): string => join(platformFolder(root), 'platform.json')
export const lastStateFile = (root: string): string => join(platformFolder(root), 'last-platform.json')
export const logFile = (root: string, name: string): string => join(platformFolder(root), 'logs', `${name}.log`)

/** Makes that folder: for its owner alone, and never in git. One that is there already is brought to that. */
export function makePlatformFolder(root: string): void {
  const folder = platformFolder(root)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  chmodSync(folder, 0o700)
  const ignore = join(folder, '.gitignore')
  if (!existsSync(ignore)) writeFileSync(ignore, '*\n', { mode: 0o600 })
}

/** Secrets of the embedded platform: made at its first start, readable by their owner only. */
export const keyFiles = (root: string) => {
  const file = (name: string): string => join(platformFolder(root), 'keys', name)
  return {
    s3: file('s3.json'),
    s3Server: file('s3-server.json'),
    filer: file('filer.json'),
    storeTls: file('store-tls.pem'),
    signing: file('signing.pem'),
    trusted: file('signing.pub'),
  }
}

/** The platform of a project, if it runs. */
export function readPlatform(root: string): PlatformState | undefined {
  const state = readState(stateFile(root))
  return state !== undefined && isAlive(state.pid, stateFile(root)) ? state : undefined
}

export function readState(file: string): PlatformState | undefined {
  if (!existsSync(file)) return undefined
  try {
    return PlatformState.safeParse(JSON.parse(readFileSync(file, 'utf8'))).data
  } catch {
    return undefined
  }
}

/** Writes a file for its owner alone, whole or not at all. */
export function writeWhole(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  // What a writer that died left behind has the mode it had.
  rmSync(`${file}.new`, { force: true })
  writeFileSync(`${file}.new`, text, { mode: 0o600 })
  renameSync(`${file}.new`, file)
}

const lostFile = (root: string): string => join(platformFolder(root), 'lost.json')

/** Remembers how much of what the store says should go on Temporal did not know when somebody last looked. */
export function noteLost(root: string, count: number): void {
  if (count === 0) rmSync(lostFile(root), { force: true })
  else writeWhole(lostFile(root), JSON.stringify({ lost: count }))
}

/** What was remembered so: 0 for nothing. */
export function readLost(root: string): number {
  try {
    return z.object({ lost: z.int() }).parse(JSON.parse(readFileSync(lostFile(root), 'utf8'))).lost
  } catch {
    return 0
  }
}
