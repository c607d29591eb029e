import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parse } from 'yaml'
import { listingOf } from '../../lib/sources/dvc-writer.ts'
import { openSources } from '../../lib/sources/open-sources.ts'
import { bytesOf, csv } from '../contracts/source.ts'
import { newProject, type TestProject } from '../support/project.ts'
import { runCommand } from '../support/run-command.ts'
import { bucketSettings, openTestBucket, type TestBucket } from '../support/servers.ts'
import { storeSnapshot } from '../support/stored-snapshot.ts'

let bucket: TestBucket
let env: Record<string, string>
let project: TestProject
beforeAll(async () => {
  bucket = await openTestBucket()
  project = newProject()
  project.write('.dvc/config', `[core]\n    remote = store\n['remote "store"']\n    url = ../remote\n`)
  mkdirSync(join(project.root, 'data'))
  env = { ...(await bucketSettings(bucket)), SLIPWAY_ROOT: project.root }
})
afterAll(async () => {
  project?.remove()
  await bucket?.stop()
})
const exportDvc = (...args: string[]) => runCommand(project.root, ['export', 'dvc', ...args, '--json'], env)

/** Everything that our own source reads by a pointer, by name. */
async function readBack(pointer: string): Promise<Record<string, Buffer>> {
  const source = openSources(bucket.store, { root: project.root, confined: true }).get('dvc')
  const files = (await source?.find(pointer, undefined)) ?? []
  const read = files.map(async (file) => [file.name, await bytesOf(source as never, file)])
  return Object.fromEntries(await Promise.all(read))
}

it('a snapshot of one file becomes a pointer, its bytes in the remote below their md5', async () => {
  const digest = await storeSnapshot(bucket.store, { 'data/one.csv': csv(50) })
  const { code, stdout, stderr } = await exportDvc(digest.slice(7, 19), '--to', 'data/kept.csv.dvc')
  expect(code, stderr).toBe(0)
  const md5 = createHash('md5').update(csv(50)).digest('hex')
  expect(JSON.parse(stdout)).toMatchObject({ snapshot: digest, md5, files: 1, size: csv(50).length })
  expect(parse(readFileSync(join(project.root, 'data/kept.csv.dvc'), 'utf8'))).toEqual({
    outs: [{ md5, size: csv(50).length, hash: 'md5', path: 'kept.csv' }],
    meta: { slipway: { snapshot: digest, rows: 1 } },
  })
  expect(await readBack('data/kept.csv.dvc')).toEqual({ 'data/kept.csv': csv(50) })
  const at = join(project.root, 'remote/files/md5', md5.slice(0, 2), md5.slice(2))
  const { ino } = statSync(at)
  await exportDvc(digest.slice(7, 19), '--to', 'data/kept.csv.dvc')
  expect(statSync(at).ino, 'what is there already is not written again').toBe(ino)
})

it('one of several becomes a folder, in which folders still name columns, in S3 too', async () => {
  const files = {
    'lake/sales/day=2024-01-01/x.csv': csv(10, 1),
    'lake/sales/day=2024-01-02/x.csv': csv(10, 2),
    'lake/sales/day=2024-01-02/ü.csv': csv(10, 3),
  }
  const digest = await storeSnapshot(bucket.store, files)
  const remote = `s3://${bucket.store.bucket}/dvc`
  project.write(
    '.dvc/config',
    `[core]\n    remote = store\n['remote "store"']\n    url = ../remote\n['remote "lake"']\n    url = ${remote}\n`,
  )
  const { code, stderr } = await exportDvc(digest, '--to', 'data/sales.dvc', '--remote', 'lake')
  expect(code, stderr).toBe(0)
  const read = await readBack('data/sales.dvc')
  expect(read).toEqual(
    Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name.replace('lake/', 'data/'), bytes])),
  )
  const { outs } = parse(readFileSync(join(project.root, 'data/sales.dvc'), 'utf8'))
  expect(outs).toEqual([
    {
      md5: expect.stringMatching(/^[0-9a-f]{32}\.dir$/),
      size: 3 * 82,
      nfiles: 3,
      hash: 'md5',
      remote: 'lake',
      path: 'sales',
    },
  ])
})

/*
 * By CPython 3.11: json.dumps(sorted([…], key=itemgetter("relpath")), sort_keys=True). The last name is beyond the
 * basic plane, which code units sort before U+FF5E.
 */
it('lists a folder to the byte as DVC does', () => {
  const files = ['～.csv', 'b"c\u007f.csv', '😀.csv', 'a/ä.csv'].map((relpath, i) => ({ md5: String(i), relpath }))
  expect(listingOf(files)).toBe(
    '[{"md5": "3", "relpath": "a/\\u00e4.csv"}, {"md5": "1", "relpath": "b\\"c\\u007f.csv"}, ' +
      '{"md5": "0", "relpath": "\\uff5e.csv"}, {"md5": "2", "relpath": "\\ud83d\\ude00.csv"}]',
  )
})

it('refuses what could not be read back, before anything is written', async () => {
  const digest = await storeSnapshot(bucket.store, { 'data/one.csv': csv(51) })
  const refused = async (...args: string[]) => {
    const { code, stdout } = await exportDvc(...args)
    return [code, JSON.parse(stdout).error]
  }
  expect(await refused(digest, '--to', 'data/kept.parquet.dvc')).toEqual([
    2,
    expect.objectContaining({ code: 'USAGE', next: 'let the name end with .csv.dvc' }),
  ])
  expect(await refused(digest, '--to', 'data/kept.csv')).toEqual([
    2,
    expect.objectContaining({ message: expect.stringMatching(/a pointer, which ends with .dvc/) }),
  ])
  expect(await refused('flights-20261122-034512-k3x9', '--to', 'data/kept.csv.dvc')).toEqual([
    2,
    expect.objectContaining({ code: 'NOT_FOUND' }),
  ])
  expect(await refused(digest, '--to', 'data/kept.csv.dvc', '--remote', 'nowhere')).toEqual([
    10,
    expect.objectContaining({
      message: expect.stringMatching(/"nowhere" cannot be read: .dvc\/config gives it no url/),
    }),
  ])
})
