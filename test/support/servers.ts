import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { DeleteBucketCommand } from '@aws-sdk/client-s3'
import { clearLockedPorts } from 'get-port'
import { createStore, ensureBucket, type Store } from '../../lib/store/store.ts'
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

/** A bucket on a store. */
export interface TestBucket {
  readonly store: Store
  readonly endpoint: string
  /** Of its own, for what a test writes. */
  readonly folder: string
  stop(): Promise<void>
}

export interface TestStore extends TestServer, TestBucket {}

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

interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

const bucketAt = (endpoint: string, bucket: string, credentials: Credentials, folder: string): Store =>
  createStore({ endpoint, bucket, region: 'us-east-1', credentials, cacheFolder: join(folder, 'cache') })

/** A SeaweedFS of one's own with an empty bucket, for tests that kill it or look at its files. */
export async function startTestStore(): Promise<TestStore> {
  const project = newProject()
  const children: Child[] = []
  const { endpoint } = await startS3(project.root, undefined, startInto(children), () => {})
  const store = bucketAt(endpoint, 'slipway', JSON.parse(readFileSync(keyFiles(project.root).s3, 'utf8')), project.root)
  const [child] = children as [Child]
  return {
    store,
    endpoint,
    child,
    folder: project.root,
    async stop() {
      store.client.destroy()
      await child.stop()
      project.remove()
    },
  }
}

/** Where the SeaweedFS that files share is asked for; set by the global setup. */
const sharedStore = 'SLIPWAY_TEST_STORE'

/**
 * Answers where the SeaweedFS is that files share, which is started when the first of them asks.
 * @returns what stops it
 */
export async function keepSharedStore(): Promise<() => Promise<void>> {
  let started: Promise<TestStore> | undefined
  const keeper = createServer((_, response) => {
    started ??= startTestStore()
    started.then(
      async ({ endpoint, store }) =>
        response.end(JSON.stringify({ endpoint, credentials: await credentialsOf(store) })),
      (error: Error) => response.writeHead(500).end(error.message),
    )
  }).listen(0, '127.0.0.1')
  await once(keeper, 'listening')
  process.env[sharedStore] = `http://127.0.0.1:${(keeper.address() as AddressInfo).port}`
  return async () => {
    keeper.close()
    await (await started)?.stop()
  }
}

/**
 * An empty bucket of one's own on the SeaweedFS that files share; on one of one's own where none is shared, as in
 * benchmarks. It goes with `stop`: the server has room for some 25.
 */
export async function openTestBucket(): Promise<TestBucket> {
  const shared = process.env[sharedStore]
  if (shared === undefined) return startTestStore()
  const answer = await fetch(shared)
  if (!answer.ok) throw new Error(`the store that files share does not start: ${await answer.text()}`)
  const { endpoint, credentials } = (await answer.json()) as { endpoint: string; credentials: Credentials }
  const project = newProject()
  const store = bucketAt(endpoint, `test-${randomBytes(6).toString('hex')}`, credentials, project.root)
  await ensureBucket(store)
  return {
    store,
    endpoint,
    folder: project.root,
    async stop() {
      await store.client.send(new DeleteBucketCommand({ Bucket: store.bucket }))
      store.client.destroy()
      project.remove()
    },
  }
}

/** What a process needs to know of a bucket, as its environment. */
export async function bucketSettings({
  store,
  endpoint,
}: Pick<TestBucket, 'store' | 'endpoint'>): Promise<Record<string, string>> {
  const { accessKeyId, secretAccessKey } = await credentialsOf(store)
  return {
    S3_ENDPOINT: endpoint,
    SLIPWAY_BUCKET: store.bucket,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
  }
}

const credentialsOf = ({ client }: Store): Promise<Credentials> =>
  (client.config.credentials as () => Promise<Credentials>)()

/**
 * A Temporal development server.
 * @param root keeps its database below this folder, so that one started there later goes on with it; a folder of its
 *   own by default
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
