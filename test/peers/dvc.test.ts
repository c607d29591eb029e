import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { packageRoot } from '../../lib/code/host.ts'
import { openSources } from '../../lib/sources/open-sources.ts'
import { bytesOf, csv } from '../contracts/source.ts'
import { newProject, type TestProject } from '../support/project.ts'
import { pythonEnvironmentOr } from '../support/python.ts'
import { runCommand } from '../support/run-command.ts'
import { bucketSettings, openTestBucket, type TestBucket } from '../support/servers.ts'
import { storeSnapshot } from '../support/stored-snapshot.ts'

/*
 * Our reading and writing of DVC's pointers and remotes against the real `dvc`: what it adds and pushes we read, what
 * we read it pulls, and what we export it pulls, finds unchanged, and would have written itself.
 */
/** @returns what it prints */
type Dvc = (project: TestProject, ...args: string[]) => Promise<string>

const run = promisify(execFile)
let bucket: TestBucket
let missing: string | undefined
let dvc: Dvc | undefined
let old: Dvc | undefined
const projects: TestProject[] = []

/** A `dvc` of an environment of its own, with the rights to the bucket. */
async function dvcOf(requirements: string, settings: Record<string, string>): Promise<Dvc | undefined> {
  const environment = await pythonEnvironmentOr(join(packageRoot, 'test/reference', requirements))
  if ('missing' in environment) {
    missing = environment.missing
    return undefined
  }
  const env = { ...process.env, ...settings, DVC_NO_ANALYTICS: '1', AWS_DEFAULT_REGION: 'us-east-1' }
  const python = join(environment.bin, 'python')
  return async ({ root }, ...args) => (await run(python, ['-m', 'dvc', ...args], { cwd: root, env })).stdout
}

beforeAll(async () => {
  bucket = await openTestBucket()
  const settings = await bucketSettings(bucket)
  dvc = await dvcOf('dvc-requirements.txt', settings)
  old = await dvcOf('dvc-2-requirements.txt', settings)
})
afterAll(async () => {
  for (const project of projects) project.remove()
  await bucket?.stop()
})

async function newDvcProject(dvc: Dvc, url: string, ...settings: [string, string][]): Promise<TestProject> {
  const project = newProject()
  projects.push(project)
  await dvc(project, 'init', '--quiet', '--no-scm')
  await dvc(project, 'remote', 'add', '--default', 'store', url)
  for (const [key, value] of settings) await dvc(project, 'remote', 'modify', 'store', key, value)
  return project
}

/** Everything that our sources find and read there, by name. */
async function readAll({ root }: TestProject, from: string): Promise<Record<string, Buffer>> {
  const source = openSources(bucket.store, { root, confined: false }).get('dvc')
  if (source === undefined) throw new Error('no source reads what DVC tracks')
  const read: Record<string, Buffer> = {}
  for (const file of await source.find(from, undefined)) read[file.name] = await bytesOf(source, file)
  return read
}

const files = {
  'data/one.csv': csv(1_000),
  'data/windows.csv': Buffer.from('n\r\n1\r\n'),
  'data/ä b: #1.csv': csv(7),
  'data/days/day=2024-01-01/x.csv': csv(100, 1),
  'data/days/day=2024-01-02/ü.csv': csv(100, 2),
  'data/days/same.csv': csv(100, 1),
}

describe.each(['a folder', 'S3'])('what the real dvc adds and pushes to %s', (where) => {
  it('we find and read, by its pointers alone', async ({ skip }) => {
    if (dvc === undefined) return skip(missing)
    const project =
      where === 'S3'
        ? await newDvcProject(dvc, `s3://${bucket.store.bucket}/dvc`, ['endpointurl', bucket.endpoint])
        : await newDvcProject(dvc, 'remote')
    for (const [path, bytes] of Object.entries(files)) {
      mkdirSync(dirname(join(project.root, path)), { recursive: true })
      writeFileSync(join(project.root, path), bytes)
    }
    const tracked = ['data/one.csv', 'data/windows.csv', 'data/ä b: #1.csv', 'data/days']
    await dvc(project, 'add', '--quiet', ...tracked)
    await dvc(project, 'push', '--quiet')
    // Nothing is left but pointers and settings, as in a fresh clone.
    for (const path of [...tracked, '.dvc/cache']) rmSync(join(project.root, path), { recursive: true })
    const read = await readAll(project, 'data/*.dvc')
    expect(Object.keys(read).sort()).toEqual(Object.keys(files).sort())
    for (const [path, bytes] of Object.entries(files)) expect(read[path]?.equals(bytes), path).toBe(true)
    // The real one checks the same out, and then we read its cache.
    await dvc(project, 'pull', '--quiet')
    for (const [path, bytes] of Object.entries(files))
      expect(readFileSync(join(project.root, path)).equals(bytes), path).toBe(true)
    rmSync(join(project.root, 'remote'), { recursive: true, force: true })
    expect(await readAll(project, 'data/days.dvc')).toEqual(
      Object.fromEntries(Object.entries(files).filter(([path]) => path.startsWith('data/days/'))),
    )
  })
})

describe.each(['a folder', 'S3'])('a snapshot that we export to %s', (where) => {
  it('the real dvc pulls, finds unchanged, and would have given the same md5', async ({ skip }) => {
    if (dvc === undefined) return skip(missing)
    const project =
      where === 'S3'
        ? await newDvcProject(dvc, `s3://${bucket.store.bucket}/ours`, ['endpointurl', bucket.endpoint])
        : await newDvcProject(dvc, 'remote')
    mkdirSync(join(project.root, 'data'))
    const one = await storeSnapshot(bucket.store, { 'data/one.csv': csv(1_000) })
    const folder = Object.fromEntries(Object.entries(files).filter(([path]) => path.startsWith('data/days/')))
    const days = await storeSnapshot(bucket.store, { ...folder, 'data/days/😀 ～.csv': csv(3) })
    const env = { ...(await bucketSettings(bucket)), SLIPWAY_ROOT: project.root }
    for (const [digest, to] of [
      [one, 'data/one.csv.dvc'],
      [days, 'data/days.dvc'],
    ] as const) {
      const { code, stderr } = await runCommand(project.root, ['export', 'dvc', digest, '--to', to], env)
      expect(code, stderr).toBe(0)
    }
    await dvc(project, 'pull', '--quiet')
    for (const [path, bytes] of Object.entries({
      ...folder,
      'data/one.csv': csv(1_000),
      'data/days/😀 ～.csv': csv(3),
    }))
      expect(readFileSync(join(project.root, path)).equals(bytes), path).toBe(true)
    expect(JSON.parse(await dvc(project, 'status', '--json'))).toEqual({})
    expect(JSON.parse(await dvc(project, 'status', '--cloud', '--json'))).toEqual({})
    // Added there anew, it is the same to the letter, apart from what we say besides.
    const ours = parse(readFileSync(join(project.root, 'data/days.dvc'), 'utf8'))
    rmSync(join(project.root, 'data/days.dvc'))
    await dvc(project, 'add', '--quiet', 'data/days')
    expect(parse(readFileSync(join(project.root, 'data/days.dvc'), 'utf8')).outs).toEqual(ours.outs)
  })
})

it('what the real DVC 2 adds and pushes, in the layout of its time, we find and read', async ({ skip }) => {
  if (old === undefined) return skip(missing)
  const project = newProject()
  projects.push(project)
  const windows = Buffer.from('n\r\n1\r\n'.repeat(200_000))
  const written = {
    'data/windows.csv': windows,
    'data/binary.csv': Buffer.from('\0\r\n'),
    'data/days/day=1/x.csv': windows,
  }
  for (const [path, bytes] of Object.entries(written)) {
    mkdirSync(dirname(join(project.root, path)), { recursive: true })
    writeFileSync(join(project.root, path), bytes)
  }
  await old(project, 'init', '--quiet', '--no-scm')
  await old(project, 'remote', 'add', '--default', 'store', 'remote')
  const tracked = ['data/windows.csv', 'data/binary.csv', 'data/days']
  await old(project, 'add', '--quiet', ...tracked)
  await old(project, 'push', '--quiet')
  for (const path of [...tracked, '.dvc/cache']) rmSync(join(project.root, path), { recursive: true })
  // Its md5 of a text is that of the text with Unix line ends.
  const unix = createHash('md5').update('n\n1\n'.repeat(200_000)).digest('hex')
  expect(readFileSync(join(project.root, 'data/windows.csv.dvc'), 'utf8')).toContain(unix)
  const read = await readAll(project, 'data/*.dvc')
  expect(Object.keys(read).sort()).toEqual(Object.keys(written).sort())
  for (const [path, bytes] of Object.entries(written)) expect(read[path]?.equals(bytes), path).toBe(true)
})
