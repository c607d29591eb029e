import { type ChildProcess, type ChildProcessByStdio, execFile, spawn } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { packageRoot } from '../../lib/code/host.ts'
import { isAlive } from '../../lib/store/is-alive.ts'
import { stopPlatform } from '../../workers/platform/platform.ts'
import { keyFiles, readPlatform } from '../../workers/platform/state.ts'
import { startDetached } from '../commands/platform.ts'
import { until } from './until.ts'

const run = promisify(execFile)

/** A command that goes on. */
export interface Begun {
  /** What it printed as JSON, and its exit code. */
  readonly result: Promise<{ code: number; document: Document; said: string }>
}

// biome-ignore lint/suspicious/noExplicitAny: what commands print with --json, as docs/cli.md has it.
export type Document = any

/** A project with a platform of its own, whose workers and commands take the fake for SageMaker. */
export interface StoryPlace {
  readonly root: string
  /** Runs a command of ours with `--json`, as a process of its own. */
  begin(...args: string[]): Begun
  /** Changes a constant of the definition. */
  define(constant: 'l2' | 'serving', value: number | string): void
  /** The worker's pid, as the platform has it. */
  worker(): number
  /** Kills the worker by SIGKILL. @returns its pid and that of the next one, once it is there */
  killWorker(): Promise<{ killed: number; next: number }>
  stop(): Promise<void>
  /** Ends commands that still go on: without the platform they would wait for it. */
  endCommands(): void
}

/** Writes the story's project into an empty folder and starts its platform. */
export async function openPlace(root: string, fake: string, say: (line: string) => void): Promise<StoryPlace> {
  await stopPlatform(root, () => {})
  rmSync(root, { recursive: true, force: true })
  const writer = join(packageRoot, 'test/sagemaker-fake/story-project.ts')
  await run(process.execPath, [join(packageRoot, 'scripts/run.mjs'), writer, root], { cwd: packageRoot })
  const env = environment(root, fake)
  await startDetached(root, say, env)
  const going = new Set<ChildProcess>()
  const worker = (): number => readPlatform(root)?.worker.pid ?? 0
  const definition = join(root, 'pipelines/loans/pipeline.ts')
  return {
    root,
    worker,
    begin(...args) {
      const child = spawnCommand(root, args, env)
      going.add(child)
      child.once('close', () => going.delete(child))
      return { result: resultOf(child, args) }
    },
    endCommands() {
      for (const child of going) child.kill('SIGKILL')
    },
    define(constant, value) {
      const text = readFileSync(definition, 'utf8')
      const line = `const ${constant} = ${typeof value === 'number' ? value : `'${value}'`}`
      writeFileSync(definition, text.replace(new RegExp(`^const ${constant} = .*$`, 'm'), line))
    },
    async killWorker() {
      const killed = worker()
      process.kill(killed, 'SIGKILL')
      await until('the worker to be gone', async () => (isAlive(killed, root) ? undefined : true))
      const next = await until('the next worker', async () => {
        const pid = worker()
        return pid !== killed && pid !== 0 && isAlive(pid, root) ? pid : undefined
      })
      return { killed, next }
    },
    async stop() {
      await stopPlatform(root, () => {})
    },
  }
}

/** Where the store of a platform is, and its keys. */
export function storeOf(root: string): object {
  const credentials = JSON.parse(readFileSync(keyFiles(root).s3, 'utf8')) as object
  return { region: 'us-east-1', endpoint: readPlatform(root)?.s3.endpoint, credentials }
}

/** This environment without what leads elsewhere: the platform of the story is its own, and its SageMaker the fake. */
function environment(root: string, fake: string): NodeJS.ProcessEnv {
  const isOurs = (name: string): boolean =>
    /^(AWS_|SLIPWAY_|TEMPORAL_|S3_ENDPOINT$)/.test(name) && !/^(SLIPWAY_WEED_PATH|TEMPORAL_CLI_PATH)$/.test(name)
  const services = ['SAGEMAKER', 'SAGEMAKER_RUNTIME', 'CLOUDWATCH_LOGS', 'CLOUDWATCH', 'APPLICATION_AUTO_SCALING']
  return {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !isOurs(name))),
    SLIPWAY_ROOT: root,
    // A second of the fake is a minute of SageMaker.
    SLIPWAY_SAGEMAKER_PERIOD_MS: '1000',
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'fake',
    AWS_SECRET_ACCESS_KEY: 'fake',
    ...Object.fromEntries(services.map((service) => [`AWS_ENDPOINT_URL_${service}`, fake])),
  }
}

type Spawned = ChildProcessByStdio<null, Readable, Readable>

function spawnCommand(cwd: string, args: readonly string[], env: NodeJS.ProcessEnv): Spawned {
  const command = [join(packageRoot, 'bin/slipway.mjs'), ...args, '--json']
  return spawn(process.execPath, command, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
}

/** What a command printed, when it has ended. @throws Error where that is no document */
function resultOf(child: Spawned, args: readonly string[]): Begun['result'] {
  let [stdout, said] = ['', '']
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    said += chunk
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      try {
        resolve({ code: code ?? 1, document: JSON.parse(stdout), said })
      } catch {
        reject(
          new Error(`slipway ${args.join(' ')} ended with ${code}: ${said.trim().split('\n').slice(-3).join(' ')}`),
        )
      }
    })
  })
}
