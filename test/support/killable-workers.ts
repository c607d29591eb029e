import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { Client, Connection } from '@temporalio/client'
import { packageRoot } from '../../lib/code/host.ts'
import { newProject, type TestProject } from './project.ts'
import { bucketSettings, openTestBucket, startTestTemporal, type TestBucket } from './servers.ts'

/** A bucket and a Temporal server of its own, a project, and real workers that end only when they are killed. */
export interface KillableWorkers {
  readonly project: TestProject
  readonly bucket: TestBucket
  /** What commands get by their environment. */
  readonly env: Record<string, string>
  readonly client: Client
  start(): void
  /** SIGKILL to all of them: no clean-up, no good-bye. Resolves when they have ended. */
  kill(): Promise<void>
  stop(): Promise<void>
}

interface Options {
  /** What runs as a worker. */
  readonly file?: string
  /** Of the workers, besides where everything is. */
  readonly settings?: Readonly<Record<string, string>>
  /** Starts a worker again that ended by itself. */
  readonly isRevived?: boolean
}

export async function openKillableWorkers({
  file = join(packageRoot, 'dist', 'worker.js'),
  settings = {},
  isRevived = false,
}: Options = {}): Promise<KillableWorkers> {
  const project = newProject()
  const [bucket, temporal] = await Promise.all([openTestBucket(), startTestTemporal()])
  const client = new Client({ connection: await Connection.connect({ address: temporal.address }) })
  const env = { TEMPORAL_ADDRESS: temporal.address, ...(await bucketSettings(bucket)), SLIPWAY_ROOT: project.root }
  const running = new Map<ChildProcess, Promise<void>>()
  const start = (): void => {
    const worker = spawn(process.execPath, [file], { env: { ...process.env, ...env, ...settings }, stdio: 'ignore' })
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
    running.set(worker, ended)
    void ended.then(() => {
      // One that was killed is no longer among them.
      if (running.delete(worker) && isRevived) start()
    })
  }
  const kill = async (): Promise<void> => {
    const killed = [...running]
    running.clear()
    for (const [worker] of killed) worker.kill('SIGKILL')
    await Promise.all(killed.map(([, ended]) => ended))
  }
  return {
    project,
    bucket,
    env,
    client,
    start,
    kill,
    async stop() {
      await kill()
      await client.connection.close()
      await Promise.all([bucket.stop(), temporal.stop()])
      project.remove()
    },
  }
}
