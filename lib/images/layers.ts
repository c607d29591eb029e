import { readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { hostText, hostVersions, packageRoot } from '../code/host.ts'
import { nativeFolder } from '../code/native.ts'
import { nativePackages, packageFor } from '../code/native-packages.ts'
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

/**
 * ONNX Runtime's binary for Linux on x86-64; its JavaScript is inside Slipway's own.
 * @throws SlipwayError ENVIRONMENT_FAILED
 */
export async function runtimeLayer(): Promise<Layer> {
  const of = 'onnxruntime-node'
  const [folder, { version, main }] = [nativeFolder(of, 'linux-x64'), nativePackages[of]]
  const name = packageFor(of, 'linux-x64')
  const at = `${home}/node_modules/${name}`
  const libraries = (await filesBelow(folder)).filter((file) => /\.(node|so[.\d]*)$/.test(file))
  return {
    what: `npm: ${of} ${version}`,
    entries: [
      document(`${at}/package.json`, { name, version, main }),
      ...(await Promise.all(libraries.map((file) => fileEntry(`${at}/${relative(folder, file)}`, file)))),
    ],
  }
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
      document(`${at}/package.json`, { name, version: hostVersions()[name] ?? '', main: 'index.js' }),
    ]
  })
  return {
    what: `slipway ${version}`,
    entries: [
      ...(await Promise.all(files)),
      ...(await Promise.all(hosts)).flat(),
      document(`${home}/package.json`, { name: 'slipway', version, type: 'module', bundled: hostVersions() }),
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

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: Error) => {
    throw new SlipwayError('ENVIRONMENT_FAILED', `${folder} is not there: ${error.message}`, {
      next: 'npm ci, and npm run build in a checkout: packages for Linux on x86-64 are needed, wherever this runs',
    })
  })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}
