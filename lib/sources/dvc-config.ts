import { readFile, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { SlipwayError } from '../formats/errors.ts'

/** A folder or an S3 prefix (`s3://bucket/a`) where DVC keeps bytes by their md5. */
export type Storage = string

/** Where the bytes of a DVC project are. */
export interface DvcProject {
  /** The folder `.dvc`. */
  readonly folder: string
  /** This machine's copies. */
  readonly cache: Storage
  /**
   * The remote of a name, or the usual one; undefined where none is set.
   * @throws SlipwayError SOURCE_UNREADABLE for one that cannot be read
   */
  remote(name: string | undefined): Storage | undefined
}

type Settings = ReadonlyMap<string, string>

/**
 * Looks for the DVC project that a file belongs to: its own settings, and over them those of this machine
 * (`config.local`).
 * @throws SlipwayError SOURCE_UNREADABLE
 */
export async function projectOf(path: string): Promise<DvcProject> {
  const folder = await folderAbove(dirname(path))
  if (folder === undefined)
    throw new SlipwayError('SOURCE_UNREADABLE', `${path} is in no DVC project: no folder above it has a .dvc folder`, {
      next: 'keep the file in the project that it was made in',
    })
  const texts = await Promise.all(
    ['config', 'config.local'].map((name) => readFile(join(folder, name), 'utf8').catch(() => '')),
  )
  const settings = new Map(texts.flatMap((text) => [...settingsOf(text)]))
  return {
    folder,
    cache: resolve(folder, settings.get('cache.dir') ?? 'cache'),
    remote(name = settings.get('core.remote')) {
      return name === undefined ? undefined : storageOf(name, settings, folder)
    },
  }
}

async function folderAbove(start: string): Promise<string | undefined> {
  for (let at = start; ; at = dirname(at)) {
    const folder = join(at, '.dvc')
    if ((await stat(folder).catch(() => undefined))?.isDirectory() === true) return folder
    if (at === dirname(at)) return undefined
  }
}

function storageOf(name: string, settings: Settings, folder: string): Storage {
  const setting = (key: string): string | undefined => settings.get(`remote "${name}".${key}`)
  const url = setting('url')
  const refuse = (why: string): never => {
    throw new SlipwayError('SOURCE_UNREADABLE', `the DVC remote "${name}" cannot be read: ${why}`, {
      next: 'use a remote that is a folder or an s3:// prefix, or `dvc pull` and read the files themselves',
    })
  }
  if (url === undefined) return refuse('.dvc/config gives it no url')
  for (const key of ['worktree', 'version_aware'])
    if (/^true$/i.test(setting(key) ?? '')) refuse(`it keeps files by version (${key}), not by md5`)
  if (url.startsWith('s3://')) return url.replace(/\/+$/, '')
  const scheme = /^([a-z0-9+]+):\/\//i.exec(url)?.[1]
  return scheme === undefined ? resolve(folder, url) : refuse(`it is at ${scheme}://`)
}

/** The lines of a settings file, as DVC writes them, by section and key: `remote "store".url`. */
function settingsOf(text: string): Settings {
  const settings = new Map<string, string>()
  let section = ''
  for (const line of text.split(/\r?\n/)) {
    const header = /^\s*\[\s*(?:'([^']*)'|([^\]']*?))\s*\]/.exec(line)
    if (header !== null) section = header[1] ?? header[2] ?? ''
    const [, key, doubled, single, bare] =
      /^\s*([\w-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^#]*?))\s*(?:#.*)?$/.exec(line) ?? []
    if (key !== undefined) settings.set(`${section}.${key}`, doubled ?? single ?? bare ?? '')
  }
  return settings
}
