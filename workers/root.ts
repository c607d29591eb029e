import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

/** The project: `SLIPWAY_ROOT`, or the nearest folder upwards that holds `pipelines/`, or else the one we are in. */
export function findRoot(from = process.env.SLIPWAY_ROOT ?? process.cwd()): string {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'pipelines'))) return folder
    if (folder === dirname(folder)) return resolve(from)
  }
}
