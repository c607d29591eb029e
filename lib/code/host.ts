import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
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

/** Versions of what can change a step's bytes, as installed here. */
export function hostVersions(): HostVersions {
  const versions: Record<string, string> = { v8: process.versions.v8.split('.').slice(0, 2).join('.') }
  for (const name of [...hostPackages, '@duckdb/node-api', 'onnxruntime-node', 'wabt']) {
    const folder = requireHere.resolve.paths(name)?.find((path) => existsSync(join(path, name, 'package.json')))
    if (folder !== undefined)
      versions[name] = JSON.parse(readFileSync(join(folder, name, 'package.json'), 'utf8')).version
  }
  return versions
}

/**
 * A built entry point of Slipway, for processes and threads to start from: sources under test have none of their own.
 */
export function builtFile(name: string): string {
  return join(packageRoot, 'dist', `${name}.js`)
}
