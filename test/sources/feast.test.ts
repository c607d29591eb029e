import { chmodSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import protobuf from 'protobufjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openSources } from '../../lib/sources/open-sources.ts'
import type { Source } from '../../lib/sources/source.ts'
import type { Store } from '../../lib/store/store.ts'
import { bytesOf, csv, describeSource, type SourcePlace } from '../contracts/source.ts'
import { newProject, type TestProject } from '../support/project.ts'
import { openTestBucket, type TestBucket } from '../support/servers.ts'
import { noStore } from '../support/sources.ts'

/** A view of a registry: where its files are, and what keeps them (1: files, 8: Snowflake). */
interface View {
  readonly uri: string
  readonly project?: string
  readonly type?: number
  readonly isDelta?: boolean
  /** 6: with a history, 8: on demand. */
  readonly field?: number
}

/** A registry as `feast apply` writes it, by the field numbers of its protos. */
function registryOf(views: Readonly<Record<string, View>>): Uint8Array {
  const writer = protobuf.Writer.create()
  for (const [name, { uri, project = 'rides', type = 1, isDelta = false, field = 6 }] of Object.entries(views)) {
    const bytes = (of: number) => (of << 3) | 2
    const inner = writer.uint32(bytes(field)).fork().uint32(bytes(1)).fork()
    inner.uint32(bytes(1)).string(name).uint32(bytes(2)).string(project)
    inner.uint32(bytes(7)).fork().uint32(8).int32(type).uint32(bytes(11)).fork()
    if (isDelta) inner.uint32(bytes(1)).fork().uint32(bytes(2)).fork().ldelim().ldelim()
    inner.uint32(bytes(2)).string(uri).ldelim().ldelim().ldelim().ldelim()
  }
  return writer.finish()
}

interface Repo {
  readonly project: TestProject
  readonly source: Source
  apply(views: Readonly<Record<string, View>>, registry?: string): void
}

function newRepo(store: Store = noStore): Repo {
  const project = newProject()
  return {
    project,
    source: openSources(store, { root: project.root, confined: true }).get('feast') as Source,
    apply(views, registry = 'data/registry.db') {
      project.write('repo/feature_store.yaml', `project: rides\nregistry: ${registry}\nprovider: local\n`)
      project.write('repo/data/registry.db', registryOf(views) as never)
    },
  }
}

describeSource('a feature view of Feast', async (): Promise<SourcePlace> => {
  const { project, source, apply } = newRepo()
  const views: Record<string, View> = {}
  apply(views)
  return {
    source,
    addressOf: (name) => `feast://repo/${name}`,
    async put(name, bytes) {
      project.write(`repo/data/${name}`, bytes as never)
      views[name] = { uri: `data/${name}` }
      apply(views)
    },
    remove: async (name) => rmSync(join(project.root, 'repo/data', name)),
    async whileDenied(name, work) {
      const isRoot = process.geteuid?.() === 0
      chmodSync(project.root, 0o755)
      chmodSync(join(project.root, 'repo/data', name), 0)
      if (isRoot) process.seteuid?.(65_534)
      try {
        await work(source)
      } finally {
        if (isRoot) process.seteuid?.(0)
      }
    },
    stop: async () => project.remove(),
  }
}, ['folders', 'connections'])

describe('what Feast keeps', () => {
  let bucket: TestBucket
  let repo: Repo
  beforeAll(async () => {
    bucket = await openTestBucket()
    repo = newRepo(bucket.store)
  })
  afterAll(async () => {
    repo?.project.remove()
    await bucket?.stop()
  })
  const find = (view: string) => repo.source.find(`feast://repo/${view}`, undefined)
  const read = async (view: string) =>
    Promise.all((await find(view)).map(async (file) => [file.name, (await bytesOf(repo.source, file)).length]))

  it('in folders and in S3, its registry there too, is read whole', async () => {
    const put = (Key: string, Body: Uint8Array) =>
      bucket.store.client.send(new PutObjectCommand({ Bucket: bucket.store.bucket, Key, Body }))
    const s3 = `s3://${bucket.store.bucket}`
    repo.project.write('repo/data/days/a.parquet', csv(1) as never)
    repo.project.write('repo/data/days/b.parquet', csv(2) as never)
    await put('lake/one.parquet', csv(3))
    await put('lake/many/a.parquet', csv(4))
    const views = {
      days: { uri: 'data/days' },
      one: { uri: `${s3}/lake/one.parquet` },
      many: { uri: `${s3}/lake/many` },
    }
    await put('feast/registry.db', registryOf(views))
    repo.apply({}, `${s3}/feast/registry.db`)
    expect(await read('days')).toEqual([
      ['repo/data/days/a.parquet', csv(1).length],
      ['repo/data/days/b.parquet', csv(2).length],
    ])
    expect(await read('one')).toEqual([[`${s3}/lake/one.parquet`, csv(3).length]])
    expect(await read('many')).toEqual([[`${s3}/lake/many/a.parquet`, csv(4).length]])
  })

  it('of the project alone: views of others in the same registry are not seen', async () => {
    repo.apply({ mine: { uri: 'a' }, theirs: { uri: 'b', project: 'other' } })
    await expect(find('theirs')).rejects.toMatchObject({
      code: 'SOURCE_MISSING',
      message: expect.stringContaining('no feature view "theirs"'),
      facts: { next: 'it has mine' },
    })
  })

  it.each([
    ['in a warehouse', { uri: '', type: 8 }, 'SOURCE_UNREADABLE', /kept in BATCH_SNOWFLAKE/],
    ['in a Delta table', { uri: 'data/d', isDelta: true }, 'SOURCE_UNREADABLE', /Delta table/],
    ['nowhere, for it is made on demand', { uri: '', field: 8 }, 'SOURCE_UNREADABLE', /no history of its own/],
    ['outside of what a worker may read', { uri: '/etc/passwd' }, 'SOURCE_MISSING', /not below the folder/],
  ])('%s is refused', async (_, view, code, message) => {
    repo.apply({ view })
    await expect(find('view')).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
  })

  it.each([
    ['a registry that no file is', 'registry:\n  registry_type: sql\n  path: postgresql://db', /sql postgresql/],
    ['a registry named by the environment', 'registry: $' + '{REGISTRY}', /cannot be read/],
    ['nothing', '', /names no project and registry/],
  ])('behind %s is refused', async (_, text, message) => {
    repo.project.write('repo/feature_store.yaml', `project: rides\n${text}\n`)
    await expect(find('view')).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: expect.stringMatching(message),
    })
  })

  it('is looked for in a folder that has a feature_store.yaml, under a name', async () => {
    await expect(repo.source.find('feast://elsewhere/view', undefined)).rejects.toMatchObject({
      code: 'SOURCE_MISSING',
    })
    await expect(repo.source.find('feast://view', undefined)).rejects.toMatchObject({ code: 'DEFINITION_INVALID' })
    repo.apply({})
    repo.project.write('repo/data/registry.db', 'no registry')
    await expect(find('view')).rejects.toMatchObject({ code: 'SOURCE_UNREADABLE' })
  })
})
