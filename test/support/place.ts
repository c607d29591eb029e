import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import getPort from 'get-port'
import { packageRoot } from '../../code/host.ts'
import { type CliResult, slipway } from './cli.ts'
import { newProject, type TestProject } from './project.ts'
import { startTestStore, startTestTemporal, type TestStore } from './servers.ts'

/** A process that is started again whenever it ends, until the place is closed. */
interface Kept {
  pid(): number
  kill(): void
}

/** Everything a rollout needs, as processes of their own: servers, a worker, a gateway, a project to run commands in. */
export interface Place {
  readonly project: TestProject
  readonly store: TestStore
  /** Address of the Temporal server. */
  readonly temporal: string
  readonly gateway: string
  /** What commands get by their environment. */
  readonly env: Readonly<Record<string, string>>
  readonly worker: Kept
  /** One more worker. */
  addWorker(): Kept
  readonly gatewayProcess: Kept
  run(...args: string[]): Promise<CliResult>
  /** A command that goes on while others run. */
  begin(...args: string[]): { result: Promise<CliResult>; interrupt(): void }
  killTemporal(): void
  startTemporal(): Promise<void>
  close(): Promise<void>
}

/** @param settings of worker, gateway and commands, besides where everything is */
export async function openPlace(settings: Readonly<Record<string, string>> = {}): Promise<Place> {
  const project = newProject()
  const store = await startTestStore()
  let temporal = await startTestTemporal(project.root)
  const { accessKeyId, secretAccessKey } = await (
    store.store.client.config.credentials as () => Promise<{ accessKeyId: string; secretAccessKey: string }>
  )()
  const port = await getPort()
  const gateway = `http://127.0.0.1:${port}`
  const env: Record<string, string> = {
    TEMPORAL_ADDRESS: temporal.address,
    S3_ENDPOINT: store.endpoint,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    SLIPWAY_ROOT: project.root,
    SLIPWAY_GATEWAY_ADDRESS: gateway,
    SLIPWAY_GATEWAY_PORT: String(port),
    SLIPWAY_ALLOW_FAULTS: '1',
    SLIPWAY_SOURCES: project.root,
    SLIPWAY_OUTPUTS: project.root,
    ...settings,
  }
  let closing = false
  const keep = (entry: string): Kept & { stop(): Promise<void> } => {
    let child: ChildProcess
    const start = (): void => {
      child = spawn(process.execPath, [join(packageRoot, 'dist', entry)], {
        env: { ...process.env, ...env },
        stdio: 'ignore',
      })
      child.once('exit', () => {
        if (!closing) setTimeout(start, 200)
      })
    }
    start()
    return {
      pid: () => child.pid ?? 0,
      kill: () => void child.kill('SIGKILL'),
      async stop() {
        if (child.exitCode !== null || child.signalCode !== null) return
        const ended = new Promise((resolve) => child.once('exit', resolve))
        child.kill('SIGKILL')
        await ended
      },
    }
  }
  const worker = keep('worker.js')
  const more: ReturnType<typeof keep>[] = []
  const gatewayProcess = keep('gateway.js')
  return {
    project,
    store,
    temporal: temporal.address,
    gateway,
    env,
    worker,
    addWorker() {
      const added = keep('worker.js')
      more.push(added)
      return added
    },
    gatewayProcess,
    run: (...args) => slipway(project.root, args, env),
    begin(...args) {
      const child = spawn(process.execPath, [join(packageRoot, 'bin/slipway.mjs'), ...args], {
        cwd: project.root,
        env: { ...process.env, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      let stdout = ''
      let stderr = ''
      child.stdout.on('data', (chunk) => {
        stdout += chunk
      })
      child.stderr.on('data', (chunk) => {
        stderr += chunk
      })
      const result = new Promise<CliResult>((resolve) =>
        child.once('close', (code) => resolve({ code: code ?? -1, stdout, stderr })),
      )
      return { result, interrupt: () => void child.kill('SIGINT') }
    },
    killTemporal: () => process.kill(temporal.child.pid, 'SIGKILL'),
    async startTemporal() {
      temporal = await startTestTemporal(project.root, temporal.address)
    },
    async close() {
      closing = true
      await Promise.all([worker, gatewayProcess, ...more].map((kept) => kept.stop()))
      await Promise.all([store.stop(), temporal.stop()])
      project.remove()
    },
  }
}
