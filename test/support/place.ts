import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import getPort from 'get-port'
import { packageRoot } from '../../lib/code/host.ts'
import { type BegunCommand, beginSlipway, type CliResult } from './cli.ts'
import { newProject, type TestProject } from './project.ts'
import { runCommand } from './run-command.ts'
import { bucketSettings, openTestBucket, startTestTemporal, type TestBucket } from './servers.ts'

/** A process that is started again whenever it ends, until the place is closed. */
interface Kept {
  pid(): number
  kill(): void
}

/**
 * Everything a rollout needs: a bucket, and as processes of their own a Temporal server, a worker and a gateway; a
 * project to run commands in.
 */
export interface Place {
  readonly project: TestProject
  readonly store: TestBucket
  /** Address of the Temporal server. */
  readonly temporal: string
  readonly gateway: string
  /** What commands get by their environment. */
  readonly env: Readonly<Record<string, string>>
  readonly worker: Kept
  /** One more worker. */
  addWorker(): Kept
  readonly gatewayProcess: Kept
  /** Runs a command in this process. */
  run(...args: string[]): Promise<CliResult>
  /** The same of a command that ends well. @returns what it printed */
  succeeds(...args: string[]): Promise<string>
  /** A command in a process of its own, which goes on while others run. */
  begin(...args: string[]): BegunCommand
  /** Resolves when it has ended. */
  killTemporal(): Promise<void>
  startTemporal(): Promise<void>
  close(): Promise<void>
}

/** @param settings of worker, gateway and commands, besides where everything is */
export async function openPlace(settings: Readonly<Record<string, string>> = {}): Promise<Place> {
  const project = newProject()
  const store = await openTestBucket()
  let temporal = await startTestTemporal(project.root)
  const port = await getPort()
  const gateway = `http://127.0.0.1:${port}`
  const env: Record<string, string> = {
    TEMPORAL_ADDRESS: temporal.address,
    ...(await bucketSettings(store)),
    SLIPWAY_ROOT: project.root,
    SLIPWAY_GATEWAY_ADDRESS: gateway,
    SLIPWAY_GATEWAY_PORT: String(port),
    SLIPWAY_ALLOW_FAULTS: '1',
    SLIPWAY_WINDOW_MS: '500',
    SLIPWAY_SOURCES: project.root,
    SLIPWAY_OUTPUTS: project.root,
    ...settings,
  }
  let closing = false
  const keep = (entry: string): Kept & { stop(): Promise<void> } => {
    let child: ChildProcess
    const start = (): void => {
      // It may have ended just before the place was closed.
      if (closing) return
      child = spawn(process.execPath, [join(packageRoot, 'dist', entry)], {
        env: { ...process.env, ...env },
        stdio: 'ignore',
      })
      child.once('exit', () => {
        setTimeout(start, 200)
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
    run: (...args) => runCommand(project.root, args, env),
    async succeeds(...args) {
      const { code, stdout, stderr } = await runCommand(project.root, args, env)
      if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}: ${stderr}${stdout}`)
      return stdout
    },
    begin: (...args) => beginSlipway(project.root, args, env),
    async killTemporal() {
      process.kill(temporal.child.pid, 'SIGKILL')
      await temporal.child.ended
    },
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
