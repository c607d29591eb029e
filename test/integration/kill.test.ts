import { mkdtempSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { ModelState } from '../../lib/formats/records.ts'
import { readRef } from '../../lib/store/refs.ts'
import { readModel } from '../../lib/store/registry.ts'
import { type CliResult, slipway } from '../support/cli.ts'
import { type KillableWorkers, openKillableWorkers } from '../support/killable-workers.ts'
import { loansSql, writeLoans } from '../support/project.ts'

/** A place to run in, with a worker that is started again whenever it dies. */
interface Place extends KillableWorkers {
  run(): Promise<CliResult>
  /** Activities that ran, or in which the worker died. */
  activities(which: 'ran' | 'died'): string[]
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

/** A place whose worker kills itself in every step, where `when` says so. */
async function openPlace(when?: 'during' | 'after'): Promise<Place> {
  const killed = mkdtempSync(join(tmpdir(), 'slipway-kills-'))
  const settings: Record<string, string> = when === undefined ? {} : { KILL_FOLDER: killed, KILL_WHEN: when }
  const workers = await openKillableWorkers({ file: workerFile, settings, isRevived: true })
  const { project, env, start } = workers
  const place: Place = {
    ...workers,
    activities: (which) => readdirSync(join(killed, which)).sort(),
    run: () => slipway(project.root, ['run', 'loans', '--wait', '--json'], env),
  }
  places.push(place)
  writeLoans(project)
  await project.data('data/loans.parquet', loansSql())
  start()
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
  for (const { bucket } of [calm, during, after]) {
    expect(await readModel(bucket.store, 'loans')).toEqual({
      versions: [undisturbed.model.digest],
      champions: [1],
      candidate: 1,
    })
    expect((await readRef(bucket.store, 'models/loans', ModelState))?.generation).toBe(1)
  }
})
