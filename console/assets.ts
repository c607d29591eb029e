import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../lib/code/host.ts'

/** A file of the front end. */
export interface Asset {
  readonly body: Buffer
  readonly type: string
}

const types: Readonly<Record<string, string>> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  html: 'text/html; charset=utf-8',
}

/** The front end as it was built, by name: few files, all in memory. Names of scripts and styles change with them. */
export function readAssets(folder = join(packageRoot, 'dist', 'console')): ReadonlyMap<string, Asset> {
  const names = existsSync(folder) ? readdirSync(folder) : []
  return new Map(
    names.flatMap((name) => {
      const type = types[name.slice(name.lastIndexOf('.') + 1)]
      return type === undefined ? [] : [[name, { body: readFileSync(join(folder, name)), type }] as const]
    }),
  )
}
