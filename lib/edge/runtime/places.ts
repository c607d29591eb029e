import { SlipwayError } from '../../formats/errors.ts'
import { nodePlace } from './node-place.ts'

/** Where a folder is, and where its updates are kept. */
export interface Place {
  /** A file of the folder as it was made. @throws SlipwayError OBJECT_MISSING */
  shipped(name: string): Promise<Uint8Array>
  /** What was kept under a name; undefined where nothing was. */
  kept(name: string): Promise<Uint8Array | undefined>
  /** Keeps bytes under a name: all of them, or none. */
  keep(name: string, bytes: Uint8Array): Promise<void>
  /** Lets go of everything but these. */
  prune(names: ReadonlySet<string>): Promise<void>
}

/** Reads a file of a channel. @throws SlipwayError OBJECT_MISSING */
export type ReadChannel = (path: string) => Promise<Uint8Array>

/** The parts of the Cache interface of service workers (w3.org/TR/service-workers) that are used here. */
interface Cache {
  match(url: string): Promise<Response | undefined>
  put(url: string, response: Response): Promise<void>
  keys(): Promise<readonly { readonly url: string }[]>
  delete(url: string): Promise<boolean>
}
interface Surroundings {
  readonly caches?: { open(name: string): Promise<Cache> }
  readonly document?: { readonly baseURI: string }
}
const surroundings = globalThis as Surroundings

const isAddress = (text: string): boolean => /^[a-z][a-z+.-]+:/i.test(text)

/** An address of a folder, with the slash behind it that makes relative ones resolve below it. */
function folderAddress(folder: string | URL): URL {
  const url = new URL(folder, surroundings.document?.baseURI ?? import.meta.url)
  if (!url.pathname.endsWith('/')) url.pathname += '/'
  return url
}

/** In Node what is no address of the web is a path, or a file's address. */
const isPath = (folder: string | URL): boolean =>
  surroundings.document === undefined && (!isAddress(String(folder)) || String(folder).startsWith('file:'))

export type Folder = string | URL | Readonly<Record<string, Uint8Array>>

export function placeOf(folder: Folder): Place {
  if (typeof folder === 'object' && !(folder instanceof URL)) return memoryPlace(folder)
  return isPath(folder) ? nodePlace(folder) : webPlace(folderAddress(folder))
}

export function channelReader(channel: string | URL): ReadChannel {
  if (isPath(channel)) return nodePlace(channel).shipped
  const base = folderAddress(channel)
  return (path) => fetched(new URL(path, base), path === 'channel.json' ? 'no-store' : 'default')
}

async function fetched(url: URL, cache: 'no-store' | 'default'): Promise<Uint8Array> {
  const response = await fetch(url, { cache } as RequestInit).catch((error: Error) => {
    throw new SlipwayError('OBJECT_MISSING', `${url} cannot be read: ${error.message}`)
  })
  if (!response.ok) throw new SlipwayError('OBJECT_MISSING', `${url} is not there (${response.status})`)
  try {
    return new Uint8Array(await response.arrayBuffer())
  } catch (error) {
    throw new SlipwayError('OBJECT_MISSING', `${url} broke off: ${(error as Error).message}`)
  }
}

/** Files that whoever loads them has already. What is kept is in memory. */
function memoryPlace(files: Readonly<Record<string, Uint8Array>>): Place {
  const memory = new Map<string, Uint8Array>()
  return {
    async shipped(name) {
      const bytes = files[name]
      if (bytes === undefined) throw new SlipwayError('OBJECT_MISSING', `${name} is not among the files given`)
      return bytes
    },
    kept: async (name) => memory.get(name),
    keep: async (name, bytes) => void memory.set(name, bytes),
    async prune(names) {
      for (const name of memory.keys()) if (!names.has(name)) memory.delete(name)
    },
  }
}

/** A folder on a server. What is kept is in the browser's cache storage; without that, until the page is left. */
function webPlace(base: URL): Place {
  const memory = memoryPlace({})
  const addressOf = (name: string): string => new URL(`kept/${name}`, base).href
  const opened = surroundings.caches?.open(`slipway-edge ${base}`).catch(() => undefined)
  return {
    shipped: (name) => fetched(new URL(name, base), 'default'),
    async kept(name) {
      const found = await (await opened)?.match(addressOf(name))
      return found === undefined ? memory.kept(name) : new Uint8Array(await found.arrayBuffer())
    },
    async keep(name, bytes) {
      const cache = await opened
      if (cache === undefined) await memory.keep(name, bytes)
      else await cache.put(addressOf(name), new Response(bytes))
    },
    async prune(names) {
      await memory.prune(names)
      const cache = await opened
      const stays = new Set([...names].map(addressOf))
      for (const { url } of (await cache?.keys()) ?? []) if (!stays.has(url)) await cache?.delete(url)
    },
  }
}
