import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dvcSource } from '../../lib/sources/dvc.ts'
import { s3Source } from '../../lib/sources/s3.ts'
import type { FoundFile } from '../../lib/sources/source.ts'
import { bytesOf, csv, describeSource, type SourcePlace } from '../contracts/source.ts'
import { newProject, type TestProject } from '../support/project.ts'
import { openTestBucket, type TestBucket } from '../support/servers.ts'
import { noStore } from '../support/sources.ts'

const md5 = (bytes: Buffer | string): string => createHash('md5').update(bytes).digest('hex')
const noS3 = s3Source(noStore)

/** A remote in a folder, or wherever `put` leads. */
interface Remote {
  readonly url: string
  put(key: string, bytes: Buffer | string): Promise<void>
}

const folderRemote = (folder: string): Remote => ({
  url: folder,
  async put(key, bytes) {
    mkdirSync(dirname(join(folder, key)), { recursive: true })
    writeFileSync(join(folder, key), bytes)
  },
})

/** A project as `dvc init` and `dvc remote add` leave it. */
function newDvcProject(url: string | undefined): TestProject {
  const project = newProject()
  project.write(
    '.dvc/config',
    url === undefined ? '' : `[core]\n    remote = store\n['remote "store"']\n    url = ${url}\n`,
  )
  return project
}

/** Tracks a file as `dvc add` and `dvc push` do. */
async function track(project: TestProject, remote: Remote, path: string, bytes: Buffer | string): Promise<void> {
  const hash = md5(bytes)
  await remote.put(`files/md5/${hash.slice(0, 2)}/${hash.slice(2)}`, bytes)
  const name = JSON.stringify(path.split('/').at(-1))
  project.write(`${path}.dvc`, `outs:\n- md5: ${hash}\n  size: ${bytes.length}\n  hash: md5\n  path: ${name}\n`)
}

const makePlace = async (): Promise<SourcePlace> => {
  const project = newDvcProject('../remote')
  const remote = folderRemote(join(project.root, 'remote'))
  const source = dvcSource({ root: project.root, confined: true }, noS3)
  return {
    source,
    addressOf: (name) => `${name}.dvc`,
    put: (name, bytes) => track(project, remote, name, bytes),
    remove: async (name) => rmSync(join(project.root, `${name}.dvc`)),
    async whileDenied(name, work) {
      const isRoot = process.geteuid?.() === 0
      chmodSync(project.root, 0o755)
      chmodSync(join(project.root, `${name}.dvc`), 0)
      if (isRoot) process.seteuid?.(65_534)
      try {
        await work(source)
      } finally {
        if (isRoot) process.seteuid?.(0)
      }
    },
    stop: async () => project.remove(),
  }
}
describeSource('a file that DVC tracks', makePlace, ['folders', 'connections'])

describe('what DVC tracks', () => {
  let project: TestProject
  let remote: Remote
  beforeAll(() => {
    project = newDvcProject('../remote')
    remote = folderRemote(join(project.root, 'remote'))
  })
  afterAll(() => project.remove())
  const find = (from: string, { root } = project) => dvcSource({ root, confined: true }, noS3).find(from, undefined)
  const read = async (from: string): Promise<string[]> => {
    const source = dvcSource({ root: project.root, confined: true }, noS3)
    const files = await source.find(from, undefined)
    return Promise.all(files.map(async (file) => `${file.name}: ${await bytesOf(source, file)}`))
  }
  const pointTo = (hash: string, more = '\n  hash: md5'): void =>
    project.write('data/x.csv.dvc', `outs:\n- md5: ${hash}${more}\n  path: x.csv\n`)

  it('is a folder too: its files are found by its list, hidden ones left out, with the columns of their paths', async () => {
    const [one, two] = [csv(3, 1), csv(3, 2)]
    const list = JSON.stringify([
      { md5: md5(two), relpath: 'day=2/x.csv' },
      { md5: md5(one), relpath: 'day=1/x.csv' },
      { md5: md5('?'), relpath: '_SUCCESS' },
    ])
    for (const bytes of [one, two, Buffer.from('?')])
      await remote.put(`files/md5/${md5(bytes).slice(0, 2)}/${md5(bytes).slice(2)}`, bytes)
    await remote.put(`files/md5/${md5(list).slice(0, 2)}/${md5(list).slice(2)}.dir`, list)
    project.write('data/days.dvc', `outs:\n- md5: ${md5(list)}.dir\n  hash: md5\n  nfiles: 3\n  path: days\n`)
    const files = await find('data/days.dvc')
    expect(files.map(({ name, size, partition }) => [name, size, partition])).toEqual([
      ['data/days/day=1/x.csv', one.length, { day: '1' }],
      ['data/days/day=2/x.csv', two.length, { day: '2' }],
    ])
    expect(await read('data/days.dvc')).toEqual([`data/days/day=1/x.csv: ${one}`, `data/days/day=2/x.csv: ${two}`])
  })

  it('is found by a glob of pointers', async () => {
    await track(project, remote, 'many/b.csv.gz', 'n\n2\n')
    await track(project, remote, 'many/a.csv', 'n\n1\n')
    expect((await find('many/*.dvc')).map(({ name, compression }) => [name, compression])).toEqual([
      ['many/a.csv', 'none'],
      ['many/b.csv.gz', 'gzip'],
    ])
  })

  it('in the layout of DVC 2 is read, and its md5 is that of the text with Unix line ends', async () => {
    const windows = 'n\r\n1\r\n'
    const hash = md5('n\n1\n')
    await remote.put(`${hash.slice(0, 2)}/${hash.slice(2)}`, windows)
    pointTo(hash, '')
    expect(await read('data/x.csv.dvc')).toEqual([`data/x.csv: ${windows}`])
    // Binary files were taken as they are.
    const binary = Buffer.from('\0\r\n\r\n')
    await remote.put(`${md5(binary).slice(0, 2)}/${md5(binary).slice(2)}`, binary)
    pointTo(md5(binary), '')
    expect(await read('data/x.csv.dvc')).toEqual([`data/x.csv: ${binary}`])
    await remote.put(`${md5('\0\n').slice(0, 2)}/${md5('\0\n').slice(2)}`, '\0\r\n')
    pointTo(md5('\0\n'), '')
    await expect(read('data/x.csv.dvc')).rejects.toMatchObject({ code: 'SOURCE_CHANGED' })
  })

  it('is taken from the cache of this machine, where that has it', async () => {
    const hash = md5('n\n5\n')
    project.write(`.dvc/cache/files/md5/${hash.slice(0, 2)}/${hash.slice(2)}`, 'n\n5\n')
    pointTo(hash)
    expect(await read('data/x.csv.dvc')).toEqual(['data/x.csv: n\n5\n'])
  })

  it('is refused where the remote holds other bytes, or none', async () => {
    const hash = md5('n\n6\n')
    pointTo(hash)
    await expect(read('data/x.csv.dvc')).rejects.toMatchObject({
      code: 'SOURCE_MISSING',
      message: expect.stringContaining(hash),
      facts: { next: expect.stringContaining('dvc push') },
    })
    // As a broken upload leaves it: all of its length, without its bytes.
    await remote.put(`files/md5/${hash.slice(0, 2)}/${hash.slice(2)}`, '\0\0\0\0')
    await expect(read('data/x.csv.dvc')).rejects.toMatchObject({
      code: 'SOURCE_CHANGED',
      message: expect.stringContaining('data/x.csv'),
    })
  })

  it.each([
    ['text that is no YAML', 'outs: ['],
    ['no output', 'deps:\n- path: x\n'],
    ['versions of a cloud instead of an md5', 'outs:\n- path: x.csv\n  cloud: { s3: { etag: a, version_id: b } }\n'],
    ['another hash', 'outs:\n- md5: 0123456789abcdef0123456789abcdef\n  hash: blake3\n  path: x.csv\n'],
    ['a path for an md5', 'outs:\n- md5: ../../../../etc/passwd\n  hash: md5\n  path: x.csv\n'],
  ])('is refused by a pointer with %s', async (_, text) => {
    project.write('data/bad.csv.dvc', text)
    await expect(find('data/bad.csv.dvc')).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: expect.stringContaining('data/bad.csv.dvc'),
    })
  })

  it.each([
    ['gs://bucket/x', 'gs://'],
    ['s3://bucket/x\n    version_aware = true', 'by version'],
  ])('is refused where its remote is %s', async (url, why) => {
    const other = newDvcProject(url)
    other.write('x.csv.dvc', `outs:\n- md5: ${md5('x')}\n  hash: md5\n  path: x.csv\n`)
    await expect(find('x.csv.dvc', other)).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: expect.stringContaining(why),
    })
    other.remove()
  })

  it('is looked for nowhere outside of the folder that a worker may read', async () => {
    const outside = newProject()
    const other = newDvcProject(outside.root)
    await track(other, folderRemote(outside.root), 'x.csv', 'n\n1\n')
    await expect(find('x.csv.dvc', other)).rejects.toMatchObject({
      code: 'SOURCE_MISSING',
      message: expect.stringContaining('not below the folder'),
    })
    const free = dvcSource({ root: other.root, confined: false }, noS3)
    const [file] = await free.find('x.csv.dvc', undefined)
    expect(String(await bytesOf(free, file as FoundFile))).toBe('n\n1\n')
    other.remove()
    outside.remove()
  })
})

describe('a DVC remote in S3', () => {
  let bucket: TestBucket
  beforeAll(async () => {
    bucket = await openTestBucket()
  })
  afterAll(() => bucket?.stop())

  it('is read like a folder, with the settings of this machine over those of the project', async () => {
    const { client, bucket: name } = bucket.store
    const project = newDvcProject('../nowhere')
    project.write(
      '.dvc/config.local',
      `# mine\n[core]\n    remote = "lake" # not the usual one\n[remote "lake"]\nurl = s3://${name}/dvc/\n`,
    )
    const remote: Remote = {
      url: '',
      async put(key, bytes) {
        await client.send(new PutObjectCommand({ Bucket: name, Key: `dvc/${key}`, Body: bytes }))
      },
    }
    await track(project, remote, 'data/x.csv', csv(5))
    const source = dvcSource({ root: project.root, confined: true }, s3Source(bucket.store))
    const [file] = await source.find('data/x.csv.dvc', undefined)
    expect(file).toMatchObject({ name: 'data/x.csv', size: csv(5).length })
    expect(await bytesOf(source, file as FoundFile)).toEqual(csv(5))
    project.remove()
  })
})
