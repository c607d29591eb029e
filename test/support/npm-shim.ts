import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../lib/code/host.ts'
import { installedSlipway } from './installed-slipway.ts'

/**
 * A folder for the front of PATH with an `npm` that fetches nothing: `npm create slipway` runs the package of this
 * repository, `npm install` links what is installed here, and all else is npm's own.
 */
export function npmShim(folder: string): string {
  const bin = join(folder, 'bin')
  const slipway = installedSlipway(folder)
  mkdirSync(bin, { recursive: true })
  const modules = join(packageRoot, 'node_modules')
  const links = ['zod', 'vitest', 'typescript', '@types/node', '.bin/vitest', '.bin/tsc']
    .map((name) => `ln -sfn ${JSON.stringify(join(modules, name))} node_modules/${name}`)
    .join('\n')
  const text = `#!/bin/sh
if [ "$1" = create ]; then
  shift 2
  for each in "$@"; do
    shift
    [ "$each" = -- ] || set -- "$@" "$each"
  done
  exec node ${JSON.stringify(join(packageRoot, 'packages/create-slipway/index.mjs'))} "$@"
elif [ "$1" = install ]; then
  [ -n "$SHIM_OFFLINE" ] && { echo "npm error network" >&2; exit 1; }
  mkdir -p node_modules/@types node_modules/.bin
  ln -sfn ${JSON.stringify(slipway)} node_modules/slipway
  ln -sfn ../slipway/bin/slipway.mjs node_modules/.bin/slipway
  ${links}
  exit 0
fi
PATH=\${PATH#${bin}:}
exec npm "$@"
`
  writeFileSync(join(bin, 'npm'), text)
  chmodSync(join(bin, 'npm'), 0o755)
  return bin
}
