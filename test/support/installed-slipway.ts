import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../lib/code/host.ts'

/** Slipway as it is installed, but that its declarations are its sources: those are written when it is packed. */
export function installedSlipway(folder: string): string {
  const place = join(folder, 'slipway')
  mkdirSync(place, { recursive: true })
  const { exports, ...manifest } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'))
  const typed = Object.entries(exports as Record<string, string | Record<string, string>>).map(([path, target]) =>
    typeof target === 'string' ? [path, target] : [path, { types: target['slipway-source'], default: target.default }],
  )
  writeFileSync(join(place, 'package.json'), JSON.stringify({ ...manifest, exports: Object.fromEntries(typed) }))
  for (const name of [
    'bin',
    'dist',
    'lib',
    'testing',
    'client',
    'gateway',
    'workers',
    'activities',
    'test',
    'node_modules',
  ])
    symlinkSync(join(packageRoot, name), join(place, name))
  return place
}
