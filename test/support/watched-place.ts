import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import getPort, { clearLockedPorts } from 'get-port'
import { runCommandLine } from '../../cli/command-line.ts'
import { packageRoot } from '../../lib/code/host.ts'
import { type Child, startChild } from '../../workers/platform/child.ts'
import { type Supervise, startS3, startTemporal } from '../../workers/platform/servers.ts'
import { type PlatformState, stateFile, writeWhole } from '../../workers/platform/state.ts'
import { newProject, type TestProject } from './project.ts'

/** A command that runs, and what it has said so far. */
export interface Running {
  readonly args: readonly string[]
  readonly said: () => string
  readonly ended: Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>
}

/** Something that can be killed, and started again where it was. */
interface Part {
  start(): Promise<void>
  kill(): Promise<void>
  /** What it has written since it was started last. */
  said(): string
}

/**
 * A project whose platform is this process: its commands, worker and gateway find the servers by the state of the
 * platform and so know that they are brought back; when, the test says.
 */
export interface WatchedPlace {
  readonly project: TestProject
  readonly state: PlatformState
  readonly s3: Part
  readonly temporal: Part
  readonly worker: Part
  readonly gateway: Part
  /** In this process: what `slipway` does in one of its own, without its start. */
  begin(args: readonly string[]): Running
  close(): Promise<void>
}

export async function openWatchedPlace(): Promise<WatchedPlace> {
  const project = newProject()
  const { root } = project
  const state: PlatformState = {
    pid: process.pid,
    startedAt: new Date().toISOString(),
    // Not the usual ports: a test beside this one would take them while the servers are away.
    temporal: { address: `127.0.0.1:${await getPort()}`, from: '' },
    s3: { endpoint: `http://127.0.0.1:${await getPort()}`, from: '' },
    worker: { pid: 0 },
    gateway: { pid: 0, address: `http://127.0.0.1:${await getPort()}` },
  }
  const children = new Map<string, Child>()
  /** A server of the platform: started again it takes the port it had, and goes on with its data. */
  const server = (name: 's3' | 'temporal'): Part => ({
    async start() {
      clearLockedPorts()
      const supervise: Supervise = async (command) => {
        const child = await startChild(command)
        children.set(name, child)
        return { pid: child.pid, isReady: false, dead: undefined }
      }
      if (name === 's3') state.s3 = await startS3(root, state, supervise, () => {})
      else state.temporal = await startTemporal(root, state, supervise, () => {})
      writeWhole(stateFile(root), JSON.stringify(state))
    },
    async kill() {
      const child = children.get(name) as Child
      process.kill(child.pid, 'SIGKILL')
      await child.ended
    },
    said: () => '',
  })
  const env = { ...process.env, SLIPWAY_ROOT: root }
  const processes = new Set<ChildProcess>()
  const launch = (file: string, over: Readonly<Record<string, string>>) => {
    const child = spawn(process.execPath, [join(packageRoot, file)], {
      cwd: root,
      env: { ...env, ...over },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    processes.add(child)
    let said = ''
    child.stderr.on('data', (chunk) => {
      said += chunk
    })
    const ended = new Promise<void>((resolve) =>
      child.once('close', () => {
        processes.delete(child)
        resolve()
      }),
    )
    return { child, said: () => said, ended }
  }
  const own = (file: string, over: Readonly<Record<string, string>>): Part => {
    let running: ReturnType<typeof launch> | undefined
    return {
      async start() {
        running = launch(file, over)
      },
      async kill() {
        running?.child.kill('SIGKILL')
        await running?.ended
      },
      said: () => running?.said() ?? '',
    }
  }
  const before = process.cwd()
  process.chdir(root)
  process.env.SLIPWAY_ROOT = root
  const begin = (args: readonly string[]): Running => {
    const text = { stdout: '', stderr: '' }
    const into = (stream: keyof typeof text) => ({
      write(more: string) {
        text[stream] += more
      },
    })
    const sinks = { stdout: into('stdout'), stderr: into('stderr') }
    const ended = runCommandLine(args, undefined, sinks).then((code) => ({ code, ...text }))
    return { args, said: () => text.stderr, ended }
  }
  const s3 = server('s3')
  const temporal = server('temporal')
  await s3.start()
  await temporal.start()
  return {
    project,
    state,
    s3,
    temporal,
    worker: own('dist/worker.js', {}),
    gateway: own('dist/gateway.js', { SLIPWAY_GATEWAY_PORT: new URL(state.gateway?.address ?? '').port }),
    begin,
    async close() {
      process.chdir(before)
      delete process.env.SLIPWAY_ROOT
      for (const child of processes) child.kill('SIGKILL')
      for (const child of children.values()) await child.stop()
      project.remove()
    },
  }
}
