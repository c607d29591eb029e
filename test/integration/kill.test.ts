import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { packageRoot } from '../../code/host.ts'
import { ModelState } from '../../pipelines/records.ts'
import { readRef } from '../../store/refs.ts'
import { readModel } from '../../store/registry.ts'
import { type CliResult, slipway } from '../support/cli.ts'
import { loansSql, newProject, type TestProject, writeLoans } from '../support/project.ts'
import { bucketSettings, openTestBucket, startTestTemporal, type TestBucket } from '../support/servers.ts'

/** A place to run in: a bucket and a Temporal server of its own, a project, and a worker that is started again whenever it dies. */
interface Place {
  readonly project: TestProject
  readonly store: TestBucket
  run(): Promise<CliResult>
  stop(): Promise<void>
}

const workerFile = join(packageRoot, 'dist', 'test', 'faulty-worker.js')
const places: Place[] = []

beforeAll(async () => {
  await build({
    entryPoints: [join(packageRoot, 'test/support/faulty-worker.ts')],
    outfile: workerFile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    logLevel: 'error',
  })
})
afterAll(async () => {
  for (const place of places) await place.stop()
})

async function openPlace(killFolder: string | undefined): Promise<Place> {
  const project = newProject()
  writeLoans(project)
  await project.data('data/loans.parquet', loansSql())
  const [store, temporal] = await Promise.all([openTestBucket(), startTestTemporal()])
  const env = {
    TEMPORAL_ADDRESS: temporal.address,
    ...(await bucketSettings(store)),
    SLIPWAY_ROOT: project.root,
    ...(killFolder === undefined ? {} : { KILL_FOLDER: killFolder }),
  }
  let worker: ChildProcess
  let stopping = false
  const startWorker = (): void => {
    worker = spawn(process.execPath, [workerFile], { env: { ...process.env, ...env }, stdio: 'ignore' })
    worker.once('exit', () => {
      if (!stopping) startWorker()
    })
  }
  startWorker()
  const place: Place = {
    project,
    store,
    run: () => slipway(project.root, ['run', 'loans', '--wait', '--json'], env),
    async stop() {
      stopping = true
      const ended = new Promise((resolve) => worker.once('exit', resolve))
      worker.kill('SIGKILL')
      await ended
      await Promise.all([store.stop(), temporal.stop()])
      project.remove()
    },
  }
  places.push(place)
  return place
}

it('a run whose worker is killed during and after every step finishes by itself, with the digests of an undisturbed one', async () => {
  const killFolder = mkdtempSync(join(tmpdir(), 'slipway-kills-'))
  mkdirSync(killFolder, { recursive: true })
  const [calm, stormy] = await Promise.all([openPlace(undefined), openPlace(killFolder)])
  const [undisturbed, disturbed] = await Promise.all([calm.run(), stormy.run()])
  expect(undisturbed, undisturbed.stderr).toMatchObject({ code: 0 })
  expect(disturbed, disturbed.stderr).toMatchObject({ code: 0 })

  const kills = readdirSync(killFolder)
  for (const activity of [
    'snapshotSource',
    'validateTable',
    'splitIntoParts',
    'trainModel',
    'packageModel',
    'evaluatePackage',
    'judgeCandidate',
    'tellModelOwner',
    'writeRegistration',
    'recordRun',
  ]) {
    expect(kills).toContain(`${activity}-after`)
  }
  for (const activity of ['trainModel', 'evaluatePackage', 'judgeCandidate'])
    expect(kills).toContain(`${activity}-during`)

  const [a, b] = [undisturbed, disturbed].map(({ stdout }) => JSON.parse(stdout))
  expect(b.model).toEqual(a.model)
  // The gate measures a latency, which is a fact of its run; everything else must be the same bytes.
  const digests = (document: typeof a) =>
    document.steps
      .filter(({ name }: { name: string }) => name !== 'gate')
      .map(({ name, outputs }: { name: string; outputs: unknown }) => ({ name, outputs }))
  expect(digests(b)).toEqual(digests(a))

  const state = await readModel(stormy.store.store, 'loans')
  expect(state).toEqual({ versions: [a.model.digest], champions: [1], candidate: 1 })
  expect((await readRef(stormy.store.store, 'models/loans', ModelState))?.generation).toBe(1)
  console.error(`killed ${kills.length} times: ${kills.join(', ')}`)
})
