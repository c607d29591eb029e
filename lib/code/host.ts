import { existsSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SlipwayError } from '../formats/errors.ts'
import type { HostVersions } from '../formats/step-key.ts'

const requireHere = createRequire(import.meta.url)

/** Slipway's own folder: where its package.json is. */
export const packageRoot: string = (() => {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const file = join(folder, 'package.json')
    if (existsSync(file) && JSON.parse(readFileSync(file, 'utf8')).name === 'slipway') return folder
  }
})()

/** Packages that user code may take from its host instead of carrying them along. */
export const hostPackages = ['danfojs-node', 'zod'] as const

/** danfojs with all it needs, as Slipway's users install it; its package.json says which version it is. */
export const dataframePackage = 'slipway-dataframe'

/** What a package.json says. */
interface Manifest {
  readonly version: string
  /** Versions of packages that are inside this one. */
  readonly bundled?: Readonly<Record<string, string>>
}

/** The folder of a package as Slipway finds it; undefined where it is not installed. */
export function packageFolder(name: string): string | undefined {
  const places = requireHere.resolve.paths(name) ?? []
  const place = places.find((path) => existsSync(join(path, name, 'package.json')))
  return place === undefined ? undefined : join(place, name)
}

const manifestIn = (folder: string): Manifest => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))

/** The version of a package as it runs here: one inside Slipway counts before one beside it. */
function versionHere(name: string): string | undefined {
  const { bundled } = manifestIn(packageRoot)
  if (bundled?.[name] !== undefined) return bundled[name]
  const ours = packageFolder(dataframePackage)
  const inOurs = ours === undefined ? undefined : manifestIn(ours).bundled?.[name]
  if (inOurs !== undefined) return inOurs
  const folder = packageFolder(name)
  return folder === undefined ? undefined : manifestIn(folder).version
}

/** Versions of what can change a step's bytes, as installed here. */
export function hostVersions(): HostVersions {
  const versions: Record<string, string> = { v8: process.versions.v8.split('.').slice(0, 2).join('.') }
  for (const name of [...hostPackages, '@duckdb/node-api', 'onnxruntime-node', 'wabt']) {
    const version = versionHere(name)
    if (version !== undefined) versions[name] = version
  }
  return versions
}

/** The file of `slipway-dataframe` that runs without Node. */
export const browserFile = 'browser.js'

/**
 * Where a package that user code takes from its host lies as one CommonJS text that runs without Node, of the version
 * that is installed here.
 * @throws SlipwayError HOST_MISMATCH where it is not there
 */
export function hostTextFile(name: (typeof hostPackages)[number]): string {
  const dataframe = name === 'danfojs-node' ? packageFolder(dataframePackage) : undefined
  if (dataframe !== undefined) return join(dataframe, browserFile)
  const built = join(packageRoot, 'dist/host', `${name}.js`)
  if (existsSync(built)) return built
  // In the image of a model the package is this text.
  const inImage = packageFolder(name)
  if (inImage !== undefined && existsSync(join(inImage, 'index.js'))) return join(inImage, 'index.js')
  throw name === 'danfojs-node' ? dataframeMissing() : new SlipwayError('HOST_MISMATCH', `${name} is not installed`)
}

/** The same text, for places elsewhere. @throws SlipwayError HOST_MISMATCH for what is no such package, or not there */
export async function hostText(name: string): Promise<Uint8Array> {
  const known = hostPackages.find((each) => each === name)
  if (known === undefined)
    throw new SlipwayError('HOST_MISMATCH', `the model's code takes ${name} from its host, which cannot go along`)
  return readFile(hostTextFile(known))
}

/** What is said to those who use DataFrames without having installed them. */
export const dataframeMissing = (): SlipwayError =>
  new SlipwayError('HOST_MISMATCH', 'slipway/dataframe needs danfojs, which is not installed', {
    next: `npm install ${dataframePackage}`,
  })

/**
 * A built entry point of Slipway, for processes and threads to start from: sources under test have none of their own.
 */
export function builtFile(name: string): string {
  return join(packageRoot, 'dist', `${name}.js`)
}
