import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ModelState } from '../../lib/formats/records.ts'
import { readRef } from '../../lib/store/refs.ts'
import { readModel } from '../../lib/store/registry.ts'
import { type CliResult, slipway } from '../support/cli.ts'
import { buildFaultyWorker } from '../support/faulty-worker-file.ts'
import { loansSql, newProject, type TestProject, writeLoans } from '../support/project.ts'
import { bucketSettings, openTestBucket, startTestTemporal, type TestBucket } from '../support/servers.ts'

/** A place to run in: a bucket and a Temporal server of its own, a project, and a worker that is started again whenever it dies. */
interface Place {
  readonly project: TestProject
  readonly store: TestBucket
  run(): Promise<CliResult>
  /** Activities that ran, or in which the worker died. */
  activities(which: 'ran' | 'died'): string[]
  stop(): Promise<void>
}

let workerFile: string
const places: Place[] = []

beforeAll(async () => {
  workerFile = await buildFaultyWorker('faulty-worker')
})
afterAll(async () => {
  for (const place of places) await place.stop()
})

/** A place whose worker kills itself in every step, where `when` says so. */
async function openPlace(when?: 'during' | 'after'): Promise<Place> {
  const killed = mkdtempSync(join(tmpdir(), 'slipway-kills-'))
  const project = newProject()
  writeLoans(project)
  await project.data('data/loans.parquet', loansSql())
  const [store, temporal] = await Promise.all([openTestBucket(), startTestTemporal()])
  const env = {
    TEMPORAL_ADDRESS: temporal.address,
    ...(await bucketSettings(store)),
    SLIPWAY_ROOT: project.root,
    ...(when === undefined ? {} : { KILL_FOLDER: killed, KILL_WHEN: when }),
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
    activities: (which) => readdirSync(join(killed, which)).sort(),
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

it('runs whose worker is killed during or after every step finish by themselves, with the digests of an undisturbed one', async () => {
  const three = await Promise.all([openPlace(), openPlace('during'), openPlace('after')])
  const [calm, during, after] = three
  const results = await Promise.all(three.map((place) => place.run()))
  for (const result of results) expect(result, result.stderr).toMatchObject({ code: 0 })

  expect(after.activities('died')).toEqual(after.activities('ran'))
  // Those that end within an instant may have ended before.
  expect(during.activities('died')).toEqual(expect.arrayContaining(['trainModel', 'evaluatePackage', 'judgeCandidate']))
  for (const place of [during, after]) console.error(`killed in ${place.activities('died').join(', ')}`)

  const [undisturbed, ...disturbed] = results.map(({ stdout }) => JSON.parse(stdout))
  // The gate measures a latency, which is a fact of its run; everything else must be the same bytes.
  const digests = (document: typeof undisturbed) =>
    document.steps
      .filter(({ name }: { name: string }) => name !== 'gate')
      .map(({ name, outputs }: { name: string; outputs: unknown }) => ({ name, outputs }))
  for (const document of disturbed) {
    expect(document.model).toEqual(undisturbed.model)
    expect(digests(document)).toEqual(digests(undisturbed))
  }
  for (const { store } of [calm, during, after]) {
    expect(await readModel(store.store, 'loans')).toEqual({
      versions: [undisturbed.model.digest],
      champions: [1],
      candidate: 1,
    })
    expect((await readRef(store.store, 'models/loans', ModelState))?.generation).toBe(1)
  }
})
