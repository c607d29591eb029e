import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { BatchRecord } from '../../lib/formats/batch-records.ts'
import { readBatch } from '../../lib/store/batches.ts'
import { readLastReport } from '../../lib/store/monitors.ts'
import { localFile } from '../../lib/store/objects.ts'
import { listWindowGateways, readWindow } from '../../lib/store/routes.ts'
import { applications, type BatchPlace, openBatchPlace, query } from '../support/batch-place.ts'
import { expectUserError } from '../support/cli.ts'
import { eventually } from '../support/gateways.ts'

/*
 * Batch scoring with real servers and processes: tables in, tables with predictions out, whole or not at all, each row
 * once.
 */
let place: BatchPlace

beforeAll(async () => {
  place = await openBatchPlace()
})
afterAll(() => place?.close())

describe('a batch of a pipeline', () => {
  it('is scored with what the endpoint serves, each row once, and what the gateway would answer', async () => {
    await place.project.data('in/2024-02-01/a.parquet', applications(0, 3_000))
    await place.project.data('in/2024-02-01/b.parquet', applications(3_000, 2_000))
    const record = await place.published('loans', 'nightly', '--date', '2024-02-01')
    expect(record).toMatchObject({
      batch: 'loans/nightly/2024-02-01',
      generation: 1,
      cached: false,
      shards: 2,
      model: { model: 'loans', version: 1 },
      rows: { read: 5_000, scored: 5_000, quarantined: 0 },
    })
    const files = readdirSync(place.at('out/2024-02-01'))
    expect(files.filter((file) => !file.startsWith('part-')).sort()).toEqual(['_SUCCESS', '_manifest.json'])
    const [sums] = await query(
      `SELECT count(*) AS rows, count(DISTINCT id) AS ids, min(id) AS low, max(id) AS high FROM '${place.at('out/2024-02-01')}/*.parquet'`,
    )
    expect(sums).toEqual({ rows: 5_000, ids: 5_000, low: 0, high: 4_999 })

    const some = await query(`SELECT * FROM '${place.at('out/2024-02-01')}/*.parquet' WHERE id % 500 = 0 ORDER BY id`)
    place.project.write('rows.json', JSON.stringify(some.map(({ prediction: _, ...row }) => row)))
    await eventually(
      async () => (await fetch(`${place.gateway}/v2/models/credit/ready`).catch(() => undefined))?.ok === true,
    )
    const answer = await place.run('predict', 'credit', '--data', 'rows.json', '--json')
    expect(answer, answer.stderr).toMatchObject({ code: 0 })
    expect(JSON.parse(answer.stdout).predictions).toEqual(some.map(({ prediction }) => prediction))
  })

  it('is not scored again when nothing changed', async () => {
    expect(await place.published('loans', 'nightly', '--date', '2024-02-01')).toMatchObject({
      cached: true,
      generation: 1,
    })
  })

  it('is heard of by the monitor of its endpoint, once', async () => {
    const ids = (await listWindowGateways(place.store.store, 'credit')).filter((id) => id.startsWith('batch-'))
    expect(ids).toEqual(['batch-loans-nightly-2024-02-01'])
    const window = await readWindow(place.store.store, 'credit', ids[0] as string, 0)
    expect(window?.champion).toMatchObject({ rows: 5_000, version: 1 })
    expect(Object.keys(window?.champion.profile ?? {})).toContain('score:')
    expect(await readWindow(place.store.store, 'credit', ids[0] as string, 1)).toBeUndefined()
    const check = await place.run('schedule', 'trigger', 'credit', 'monitor')
    expect(check, check.stderr).toMatchObject({ code: 0 })
    await eventually(async () => (await readLastReport(place.store.store, 'credit'))?.judged === true)
    const report = await readLastReport(place.store.store, 'credit')
    expect(report?.rows).toBeGreaterThanOrEqual(5_000)
    expect(report?.columns.find(({ name }) => name === 'income')?.measures.psi?.value).toBeLessThan(0.1)
  })

  it('verifies; a part that was changed is found', async () => {
    const good = await place.run('verify', 'loans/nightly/2024-02-01', '--json')
    expect(good, good.stderr).toMatchObject({ code: 0 })
    expect(JSON.parse(good.stdout).checks.map(({ check }: { check: string }) => check)).toEqual(
      expect.arrayContaining([
        'merkle root',
        'sums',
        'files',
        'output folder',
        'shard 0 scored anew',
        'shard 1 scored anew',
      ]),
    )
    const part = readdirSync(place.at('out/2024-02-01')).find((file) => file.startsWith('part-00001')) as string
    const bytes = readFileSync(place.at(`out/2024-02-01/${part}`))
    writeFileSync(place.at(`out/2024-02-01/${part}`), Buffer.concat([bytes, Buffer.from('x')]))
    const changed = await place.run('verify', place.at('out/2024-02-01'), '--json')
    expect(changed.code).toBe(16)
    expect(JSON.parse(changed.stdout).checks.filter(({ passed }: { passed: boolean }) => !passed)).toMatchObject([
      { check: 'output folder' },
    ])
    writeFileSync(place.at(`out/2024-02-01/${part}`), bytes)
  })

  it('of other files is refused, and takes its place with --redo; the one before is kept', async () => {
    const before = (await readBatch(place.store.store, 'loans', 'nightly', '2024-02-01')) as BatchRecord
    await place.project.data('in/2024-02-01/b.parquet', applications(3_000, 2_500))
    expectUserError(await place.batch('loans', 'nightly', '--date', '2024-02-01'), 2, 'BATCH_EXISTS')
    const record = await place.published('loans', 'nightly', '--date', '2024-02-01', '--redo')
    // The file that did not change is not scored again.
    expect(record).toMatchObject({
      generation: 2,
      cachedShards: 1,
      rows: { scored: 5_500 },
      supersedes: before.manifest.digest,
    })
    const parts = readdirSync(place.at('out/2024-02-01')).filter((file) => file.startsWith('part-'))
    expect(parts.sort()).toEqual((await place.manifestOf(record)).parts.map(({ path }) => path).sort())
    for (const { digest } of (await place.manifestOf(before)).parts)
      expect(existsSync(await localFile(place.store.store, digest))).toBe(true)
  })

  it('whose folder was lost gets it back with --redo, without scoring', async () => {
    rmSync(place.at('out/2024-02-01'), { recursive: true })
    const record = await place.published('loans', 'nightly', '--date', '2024-02-01', '--redo')
    expect(record).toMatchObject({ generation: 2, shards: 2, cachedShards: 2 })
    expect(existsSync(place.at('out/2024-02-01/_SUCCESS'))).toBe(true)
    const verified = await place.run('verify', record.batch)
    expect(verified, verified.stdout).toMatchObject({ code: 0 })
  })

  it('keeps to the version it began with; after a promotion its day is scored anew only on demand', async () => {
    place.define(25)
    const run = await place.run('run', 'loans', '--wait', '--json')
    expect(run, run.stderr).toMatchObject({ code: 0 })
    expect(expectUserError(await place.batch('loans', 'nightly', '--date', '2024-02-01'), 2, 'BATCH_EXISTS')).toContain(
      'version 1; the champion is version 2',
    )
    expect(await place.published('loans', 'nightly', '--date', '2024-02-01', '--redo')).toMatchObject({
      generation: 3,
      model: { version: 2 },
    })
  })

  it('takes an older version by its number', async () => {
    const record = await place.published(
      ...['score', 'loans', '--model', 'loans@1', '--from', 'in/2024-02-01/a.parquet', '--to', 'scored/old'],
    )
    expect(record.model.version).toBe(1)
  })
})

describe('a schedule', () => {
  it('shows as one, fires for the time it was meant for, and backfills', async () => {
    const { stdout } = await place.run('schedule', 'list', '--json')
    expect(JSON.parse(stdout)).toContainEqual(
      expect.objectContaining({ id: 'loans/nightly', kind: 'batch', paused: false }),
    )
    for (const day of ['03', '04', '05'])
      await place.project.data(`in/2024-03-${day}/a.parquet`, applications(Number(day) * 100, 100))
    const result = await place.run(
      'schedule',
      'backfill',
      'loans',
      'nightly',
      '--from',
      '2024-03-03',
      '--to',
      '2024-03-05',
    )
    expect(result, result.stderr).toMatchObject({ code: 0 })
    for (const day of ['03', '04', '05']) {
      await eventually(
        async () => (await readBatch(place.store.store, 'loans', 'nightly', `2024-03-${day}`)) !== undefined,
        60_000,
      )
      expect(await readBatch(place.store.store, 'loans', 'nightly', `2024-03-${day}`)).toMatchObject({
        by: 'schedule',
        rows: { scored: 100 },
      })
    }
    const list = JSON.parse((await place.batch('list', '--json')).stdout)
    expect(list).toContainEqual(
      expect.objectContaining({ name: 'nightly', slots: ['2024-02-01', '2024-03-03', '2024-03-04', '2024-03-05'] }),
    )
  })
})
