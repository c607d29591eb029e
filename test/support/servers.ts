import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { clearLockedPorts } from 'get-port'
import { createStore, type Store } from '../../store/store.ts'
import type { Child } from '../../workers/platform/child.ts'
import { startChild } from '../../workers/platform/child.ts'
import { type Kept, type Supervise, startS3, startTemporal } from '../../workers/platform/servers.ts'
import { keyFiles, type PlatformState } from '../../workers/platform/state.ts'
import { newProject } from './project.ts'

/** A real server for a suite, on ports of its own. */
export interface TestServer {
  readonly child: Child
  stop(): Promise<void>
}

export interface TestStore extends TestServer {
  readonly store: Store
  readonly endpoint: string
  readonly folder: string
}

/** Starts a server once and lets it be: tests kill them on purpose. */
const startInto =
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

/** A SeaweedFS with an empty bucket. */
export async function startTestStore(): Promise<TestStore> {
  const project = newProject()
  const children: Child[] = []
  const { endpoint } = await startS3(project.root, undefined, startInto(children), () => {})
  const credentials = JSON.parse(readFileSync(keyFiles(project.root).s3, 'utf8'))
  const store = createStore({
    endpoint,
    bucket: 'slipway',
    region: 'us-east-1',
    credentials,
    cacheFolder: join(project.root, 'cache'),
  })
  const [child] = children as [Child]
  return {
    store,
    endpoint,
    child,
    folder: join(project.root, '.slipway/s3'),
    async stop() {
      store.client.destroy()
      await child.stop()
      project.remove()
    },
  }
}

/**
 * A Temporal development server.
 * @param root keeps its database below this folder, so that one started there later goes on with it; a folder of its own by default
 * @param address where it was before
 */
export async function startTestTemporal(
  root?: string,
  address?: string,
): Promise<TestServer & { readonly address: string }> {
  const project = root === undefined ? newProject() : undefined
  const children: Child[] = []
  const last = address === undefined ? undefined : ({ temporal: { address, from: '' } } as PlatformState)
  // The port it had is ours to take again, though get-port keeps it from others for a while.
  if (address !== undefined) clearLockedPorts()
  const started = await startTemporal(root ?? project?.root ?? '', last, startInto(children), () => {})
  const [child] = children as [Child]
  return {
    address: started.address,
    child,
    async stop() {
      await child.stop()
      project?.remove()
    },
  }
}
