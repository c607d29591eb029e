import { existsSync, readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join, relative } from 'node:path'
import { packageRoot } from '../code/host.ts'
import { hostText } from '../edge/host-packages.ts'
import { canonicalJson } from '../formats/canonical.ts'
import { SlipwayError } from '../formats/errors.ts'
import type { TarEntry } from '../store/tar.ts'
import { entriesOfPart, fileEntry, type PartPlaces } from './get-part.ts'
import { libraryParts, loaderLink, nodePart } from './parts.ts'

/** A layer of an image: what is in it, and in words where that is from. */
export interface Layer {
  readonly what: string
  readonly entries: readonly TarEntry[]
}

/** Where Slipway lies in an image. */
export const home = 'app'

/** glibc and what else Node is linked against, then Node. */
export async function systemLayers(places: PartPlaces, folder: string): Promise<readonly Layer[]> {
  const libraries = await Promise.all(libraryParts.map((part) => entriesOfPart(part, places, folder)))
  const inWords = libraryParts.map(({ name, version }) => `${name} ${version}`).join(', ')
  return [
    { what: `Debian: ${inWords}`, entries: [...libraries.flat(), { kind: 'link', ...loaderLink }] },
    { what: `npm: ${nodePart.name} ${nodePart.version}`, entries: await entriesOfPart(nodePart, places, folder) },
  ]
}

/** ONNX Runtime with its binary for Linux on x86-64, and nothing that installs it. */
export async function runtimeLayer(): Promise<Layer> {
  const [binding, common] = ['onnxruntime-node', 'onnxruntime-common'].map(installed) as [string, string]
  const entries = await Promise.all([
    ...['package.json', 'dist', 'bin/napi-v6/linux/x64'].map((part) => below(binding, part)),
    ...['package.json', 'dist/cjs'].map((part) => below(common, part)),
  ])
  const { version } = manifestOf(binding)
  return { what: `npm: onnxruntime-node ${version}`, entries: entries.flat() }
}

/**
 * Slipway, as far as it serves one model, and what feature code takes from its host.
 * @param host packages by name
 */
export async function ownLayer(host: readonly string[]): Promise<Layer> {
  const { version } = manifestOf(packageRoot)
  const dist = join(packageRoot, 'dist/container')
  const files = (await filesBelow(dist)).map((file) => fileEntry(`${home}/dist/${relative(dist, file)}`, file))
  const hosts = host.map(async (name): Promise<TarEntry[]> => {
    const at = `${home}/node_modules/${name}`
    return [
      { kind: 'file', path: `${at}/index.js`, from: await hostText(name) },
      document(`${at}/package.json`, { name, version: manifestOf(installed(name)).version, main: 'index.js' }),
    ]
  })
  return {
    what: `slipway ${version}`,
    entries: [
      ...(await Promise.all(files)),
      ...(await Promise.all(hosts)).flat(),
      document(`${home}/package.json`, { name: 'slipway', version, type: 'module' }),
    ],
  }
}

const document = (path: string, value: unknown): TarEntry => ({
  kind: 'file',
  path,
  from: Buffer.from(canonicalJson(value)),
})

const manifestOf = (folder: string): { readonly version: string } =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))

/** The folder of a package that Slipway has. @throws SlipwayError ENVIRONMENT_FAILED */
function installed(name: string): string {
  const places = createRequire(join(packageRoot, 'package.json')).resolve.paths(name) ?? []
  const place = places.find((path) => existsSync(join(path, name, 'package.json')))
  if (place !== undefined) return join(place, name)
  throw new SlipwayError('ENVIRONMENT_FAILED', `${name} is not installed`, { next: 'npm ci' })
}

/** Files of a package as entries: a file, or those below a folder that run. */
async function below(folder: string, part: string): Promise<TarEntry[]> {
  const name = folder.slice(folder.lastIndexOf('node_modules/'))
  const files = part.endsWith('.json') ? [join(folder, part)] : await filesBelow(join(folder, part))
  const used = files.filter((file) => !/\.(map|d\.ts)$/.test(file))
  return Promise.all(used.map((file) => fileEntry(`${home}/${name}/${relative(folder, file)}`, file)))
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: Error) => {
    throw new SlipwayError('ENVIRONMENT_FAILED', `${folder} is not there: ${error.message}`, {
      next: 'npm ci, and npm run build in a checkout: packages for Linux on x86-64 are needed, wherever this runs',
    })
  })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}
