import { readFile, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { SlipwayError } from '../formats/errors.ts'
import { type FeastRegistry, readFeastRegistry } from './feast-registry.ts'
import { type Place, pathError, requireInside, rootOf } from './paths.ts'
import type { FoundFile, Source } from './source.ts'

/** What is used of `feature_store.yaml` (docs.feast.dev, reference). */
const Settings = z.object({
  project: z.string().min(1),
  registry: z.union([z.string(), z.object({ path: z.string(), registry_type: z.string().default('file') })]),
})

const unreadable = (why: string, next: string): SlipwayError => new SlipwayError('SOURCE_UNREADABLE', why, { next })

/**
 * The history of a Feast feature view, `feast://<feature repo>/<view>`: the parquet files that its offline store is
 * made of, with the columns they have there. `p.join` joins them in time.
 * @param local reads files of this machine, @param s3 those of S3
 */
export function feastSource(place: Place, local: Source, s3: Source): Source {
  const sourceOf = (uri: string): Source => (uri.startsWith('s3://') ? s3 : local)
  return {
    name: 'Feast',
    schemes: ['feast'],
    async find(uri, window) {
      const { folder, view } = partsOf(uri)
      const path = await repoPath(place, uri, folder)
      const { project, registry } = await settingsOf(path, uri)
      const read = registryOf(await registryBytes(registry, uri, { path, s3, place }), registry)
      return sourceFiles(await addressOf(fileOf(read, { project, view, uri }), path), window, sourceOf)
    },
    open: (file) => sourceOf(file.uri).open(file),
    localPath: (file) => sourceOf(file.uri).localPath?.(file),
  }
}

/** @throws SlipwayError DEFINITION_INVALID */
function partsOf(uri: string): { folder: string; view: string } {
  const [, folder = '', view = ''] = /^feast:\/\/(.*)\/([^/?#]+)$/i.exec(uri) ?? []
  if (view !== '') return { folder, view }
  throw new SlipwayError('DEFINITION_INVALID', `"${uri}" names no feature view`, {
    next: 'write feast://<folder of feature_store.yaml>/<feature view>',
  })
}

async function repoPath(place: Place, uri: string, folder: string): Promise<string> {
  const path = resolve(rootOf(place, uri), folder)
  await requireInside(place, uri, path)
  return path
}

async function settingsOf(path: string, uri: string): Promise<{ project: string; registry: string }> {
  const file = join(path, 'feature_store.yaml')
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw pathError(file, error)
    throw new SlipwayError('SOURCE_MISSING', `"${uri}": there is no ${file}`, {
      next: 'write feast://<folder of feature_store.yaml>/<feature view>',
    })
  })
  const settings = Settings.safeParse(parsed(text))
  if (!settings.success) throw unreadable(`${file} names no project and registry`, 'see that `feast apply` takes it')
  const { project, registry } = settings.data
  const { path: at, registry_type: kind } =
    typeof registry === 'string' ? { path: registry, registry_type: 'file' } : registry
  if (kind === 'file' && !/[$]|^(?!s3:)[a-z0-9+]+:\/\//i.test(at)) return { project, registry: at }
  throw unreadable(
    `${file} keeps its registry where it cannot be read: ${kind} ${at}`,
    'registries can be read that are a file, on this machine or in S3; `feast registry-dump` tells where the data is',
  )
}

function parsed(text: string): unknown {
  try {
    return parse(text)
  } catch {
    return undefined
  }
}

interface Places {
  /** The folder of the feature repo. */
  readonly path: string
  readonly s3: Source
  readonly place: Place
}

async function registryBytes(registry: string, uri: string, { path, s3, place }: Places): Promise<Buffer> {
  if (registry.startsWith('s3://')) {
    const [file] = await s3.find(registry, undefined)
    const chunks: Buffer[] = []
    for await (const chunk of await s3.open(file as FoundFile)) chunks.push(chunk as Buffer)
    return Buffer.concat(chunks)
  }
  const at = resolve(path, registry)
  await requireInside(place, uri, at)
  return readFile(at).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw pathError(at, error)
    throw new SlipwayError('SOURCE_MISSING', `"${uri}": there is no registry ${at}`, {
      next: 'run `feast apply` there',
    })
  })
}

function registryOf(bytes: Buffer, name: string): FeastRegistry {
  try {
    return readFeastRegistry(bytes)
  } catch (error) {
    throw unreadable(`${name} is no registry of Feast: ${(error as Error).message}`, 'make it anew with `feast apply`')
  }
}

/** Where the history of a view is, as its source says. @throws SlipwayError SOURCE_MISSING, SOURCE_UNREADABLE */
function fileOf(
  { views, others }: FeastRegistry,
  { project, view, uri }: { readonly project: string; readonly view: string; readonly uri: string },
): string {
  const mine = views.filter((each) => each.project === project)
  const found = mine.find(({ name }) => name === view)
  if (found === undefined) {
    const isOther = others.some((each) => each.project === project && each.name === view)
    if (isOther) throw unreadable(`"${uri}" has no history of its own: it is on demand, or of a stream`, names(mine))
    throw new SlipwayError('SOURCE_MISSING', `"${uri}": project ${project} has no feature view "${view}"`, {
      next: names(mine),
    })
  }
  const { source } = found
  const next = 'read where its data is without Feast: from a database, or from files'
  if (source?.type !== 'BATCH_FILE') throw unreadable(`"${uri}" is kept in ${source?.type ?? 'no source'}`, next)
  if (source.files === null || source.files.format?.delta != null)
    throw unreadable(`"${uri}" is kept in a Delta table, whose files alone do not tell its rows`, next)
  return source.files.uri
}

const names = (views: readonly { readonly name: string }[]): string =>
  `it has ${views.map(({ name }) => name).join(', ') || 'none: run `feast apply` there'}`

/** Paths begin at the feature repo; a folder is all files in it. */
async function addressOf(uri: string, path: string): Promise<string> {
  if (uri.startsWith('s3://')) return uri
  const at = resolve(path, uri.replace(/^file:\/\//, ''))
  const info = await stat(at).catch(() => undefined)
  return info?.isDirectory() === true ? `${at}/` : at
}

async function sourceFiles(
  address: string,
  window: Parameters<Source['find']>[1],
  sourceOf: (uri: string) => Source,
): Promise<FoundFile[]> {
  const source = sourceOf(address)
  return source.find(address, window).catch((error) => {
    const isObject = address.startsWith('s3://') && !address.endsWith('/')
    if (!isObject || !(error instanceof SlipwayError && error.code === 'SOURCE_MISSING')) throw error
    return source.find(`${address}/`, window)
  })
}
