import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createStore, dropBucket, ensureBucket, type Store } from '../../lib/store/store.ts'
import { type Child, startChild } from '../platform/child.ts'
import { type Kept, type Say, type Supervise, startOwnS3 } from '../platform/servers.ts'
import { keyFiles } from '../platform/state.ts'

/** An empty store that nobody else knows, and a folder beside it. */
export interface ScratchStore {
  readonly store: Store
  /** For the files of steps. */
  readonly folder: string
  drop(): Promise<void>
}

/** A SeaweedFS with data, keys and cache in a folder of its own, which ends with this process. */
export interface ScratchServer {
  /** An empty bucket with an empty cache. */
  open(): Promise<ScratchStore>
  stop(): Promise<void>
}

/**
 * Starts a store for work that must find nothing and leave nothing.
 * @param environments folder of the environments of programs: made from locks, they are no results
 * @throws SlipwayError PLATFORM_MISSING
 */
export async function startScratchServer(environments: string, say: Say): Promise<ScratchServer> {
  // Named as that of a worker: what a command leaves that was killed goes when the next worker starts.
  const root = mkdtempSync(join(tmpdir(), `slipway-scratch-${process.pid}-`))
  const children: Child[] = []
  const remove = (): void => rmSync(root, { recursive: true, force: true, maxRetries: 3 })
  const removeOnExit = (): void => {
    try {
      remove()
    } catch {
      // After Ctrl-C the server may still write: it ends just after us.
    }
  }
  process.once('exit', removeOnExit)
  const stop = async (): Promise<void> => {
    for (const child of children) await child.stop()
    process.removeListener('exit', removeOnExit)
    remove()
  }
  try {
    const { endpoint } = await startOwnS3(root, undefined, startOnce(children), say)
    const credentials = JSON.parse(readFileSync(keyFiles(root).s3, 'utf8'))
    let opened = 0
    return {
      async open() {
        const folder = join(root, `scratch-${++opened}`)
        const cacheFolder = join(folder, 'cache')
        mkdirSync(cacheFolder, { recursive: true })
        mkdirSync(environments, { recursive: true, mode: 0o700 })
        symlinkSync(environments, join(cacheFolder, 'environments'))
        const store = createStore({
          endpoint,
          bucket: `scratch-${opened}`,
          region: 'us-east-1',
          credentials,
          cacheFolder,
        })
        await ensureBucket(store)
        return {
          store,
          folder,
          async drop() {
            await dropBucket(store)
            rmSync(folder, { recursive: true, force: true })
          },
        }
      },
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Nobody starts it again: work that loses its scratch store is done anew. */
const startOnce =
  (children: Child[]): Supervise =>
  async (command) => {
    const child = await startChild(command)
    children.push(child)
    const kept: Kept = { pid: child.pid, isReady: false, dead: undefined }
    void child.ended.then((code) => {
      kept.dead = `it ended with ${code}`
    })
    return kept
  }
