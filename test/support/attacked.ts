import { type ChildProcess, spawn } from 'node:child_process'
import { resolve } from 'node:path'
import getPort from 'get-port'
import { packageRoot } from '../../lib/code/host.ts'
import { type BegunCommand, beginSlipway, type CliResult } from './cli.ts'
import { eventually } from './gateways.ts'
import { loansSql, newProject, type TestProject, writeLoans } from './project.ts'
import { bucketSettings, startTestStore, startTestTemporal } from './servers.ts'

/**
 * The checkout that is attacked: this one, or the built one in the folder that SLIPWAY_ATTACKED names. An attack
 * reaches it by its command line, addresses and environment only, so that it runs against older versions too.
 */
export const attackedRoot = resolve(process.env.SLIPWAY_ATTACKED ?? packageRoot)

/** A worker or gateway in a process of its own, which nobody starts again. */
export interface AttackedProcess {
  readonly pid: number
  /** What it has written to both its streams. */
  said(): string
  /** Its exit code, once it has ended; null where a signal ended it. */
  readonly ended: Promise<number | null>
  /** Resolves when it has ended. */
  kill(signal?: NodeJS.Signals): Promise<void>
}

export type Settings = Readonly<Record<string, string>>

/** A user of this machine, whose processes only root may start. */
export interface User {
  readonly uid: number
  readonly gid: number
}

/**
 * A project with the pipeline `loans`, which deploys to the endpoint `credit`, and servers of its own. Workers,
 * gateways and commands are processes that find everything by their environment: what stands between them and a server
 * is put there by another address in `settings`.
 */
export interface Attacked {
  readonly project: TestProject
  /** Where everything is, as it is without an attack. */
  readonly env: Settings & { readonly S3_ENDPOINT: string; readonly TEMPORAL_ADDRESS: string }
  /** Address of the gateway, once one is started. */
  readonly gateway: string
  /** @param settings besides `env`, and instead of it */
  startWorker(settings?: Settings, user?: User): AttackedProcess
  /** Resolves when it is alive. */
  startGateway(settings?: Settings): Promise<AttackedProcess>
  run(args: readonly string[], settings?: Settings): Promise<CliResult>
  begin(args: readonly string[], settings?: Settings): BegunCommand
  close(): Promise<void>
}

/** The pipeline, in words that every version since 0.6 understands. */
export const attackedPipeline = (trees = 20): string => `import { auc, binary, pipeline, trees } from 'slipway'
import { features } from './features.ts'
import { Loan } from './schema.ts'
import { bad } from './target.ts'

export default pipeline('loans', (p) => {
  const loans = p.snapshot('loans', { from: 'data/loans.parquet', schema: Loan })
  const parts = p.split(p.validate(loans), { byHashOf: 'id', validation: 0.2, test: 0.3, seed: 3 })
  const model = p.train('risk', { on: parts, features, target: binary('defaulted', bad), learner: trees({ trees: ${trees}, leaves: 7, minRowsPerLeaf: 10 }), seed: 1 })
  const candidate = p.package(model)
  p.gate(candidate, { on: parts.test, must: [auc.atLeast(0.6), auc.notWorseThan('champion', { by: 0.3 })] })
  p.deploy(candidate, { endpoint: 'credit' })
})
`

export async function openAttacked(): Promise<Attacked> {
  const project = newProject()
  const [store, temporal, port] = await Promise.all([startTestStore(), startTestTemporal(), getPort()])
  const gateway = `http://127.0.0.1:${port}`
  const env = {
    S3_ENDPOINT: store.endpoint,
    TEMPORAL_ADDRESS: temporal.address,
    ...(await bucketSettings(store)),
    SLIPWAY_ROOT: project.root,
    SLIPWAY_GATEWAY_ADDRESS: gateway,
    SLIPWAY_GATEWAY_PORT: String(port),
    SLIPWAY_SOURCES: project.root,
    SLIPWAY_OUTPUTS: project.root,
  }
  writeLoans(project, { body: attackedPipeline() })
  await project.data('data/loans.parquet', loansSql(2_000))
  const processes = new Set<AttackedProcess>()
  const start = (file: string, settings: Settings, user?: User): AttackedProcess => {
    const child: ChildProcess = spawn(process.execPath, [resolve(attackedRoot, 'dist', file)], {
      cwd: project.root,
      env: { ...process.env, ...env, ...settings },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...user,
    })
    let said = ''
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk) => {
        said += chunk
      })
    const ended = new Promise<number | null>((done) => child.once('close', done))
    const started: AttackedProcess = {
      pid: child.pid ?? 0,
      said: () => said,
      ended,
      async kill(signal = 'SIGKILL') {
        child.kill(signal)
        await ended
      },
    }
    processes.add(started)
    return started
  }
  const begin = (args: readonly string[], settings: Settings = {}): BegunCommand =>
    beginSlipway(project.root, args, { ...env, ...settings }, attackedRoot)
  return {
    project,
    env,
    gateway,
    startWorker: (settings = {}, user) => start('worker.js', settings, user),
    async startGateway(settings = {}) {
      const started = start('gateway.js', settings)
      const address = `http://127.0.0.1:${settings.SLIPWAY_GATEWAY_PORT ?? port}`
      const isAlive = async () => (await fetch(`${address}/v2/health/live`).catch(() => undefined))?.ok === true
      const early = started.ended.then((code) => {
        throw new Error(`the gateway ended with ${code}: ${started.said()}`)
      })
      await Promise.race([eventually(isAlive), early])
      return started
    },
    run: (args, settings) => begin(args, settings).result,
    begin,
    async close() {
      await Promise.all([...processes].map((each) => each.kill()))
      await Promise.all([store.stop(), temporal.stop()])
      project.remove()
    },
  }
}
