import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { build } from 'esbuild'
import { browserFile, packageRoot } from '../../lib/code/host.ts'
import { hostText } from '../../scripts/host-packages.mjs'
import { noticesOf } from '../../scripts/third-party.mjs'
import { othersTypes, withoutOthersTypes } from './types.mts'

// Lays the package out in dist/packages: node scripts/run.mjs packages/slipway-dataframe/build.mts

const folder = join(packageRoot, 'dist/packages/slipway-dataframe')
const danfojs = join(packageRoot, 'node_modules/danfojs-node')

rmSync(folder, { recursive: true, force: true })
const { metafile } = await build({
  stdin: { contents: `module.exports = require('danfojs-node')`, resolveDir: packageRoot },
  outfile: join(folder, 'index.js'),
  absWorkingDir: packageRoot,
  bundle: true,
  minify: true,
  format: 'cjs',
  platform: 'node',
  target: 'node20',
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
  // It draws in browsers, and danfojs does not bring it along either.
  external: ['plotly.js-dist-min'],
})
writeFileSync(join(folder, browserFile), await hostText('danfojs-node', packageRoot))
writeFileSync(join(folder, 'THIRD-PARTY.txt'), noticesOf(packageRoot, Object.keys(metafile.inputs)))
cpSync(join(packageRoot, 'LICENSE'), join(folder, 'LICENSE'))
for (const file of ['package.json', 'README.md'])
  cpSync(join(packageRoot, 'packages/slipway-dataframe', file), join(folder, file))

const declarations = readdirSync(join(danfojs, 'dist'), { recursive: true, encoding: 'utf8' })
for (const file of declarations.filter((name) => name.endsWith('.d.ts'))) {
  const target = join(folder, 'types', file)
  mkdirSync(join(target, '..'), { recursive: true })
  const up = relative(join(target, '..'), join(folder, 'types/others')).replaceAll('\\', '/')
  const text = readFileSync(join(danfojs, 'dist', file), 'utf8')
  writeFileSync(target, withoutOthersTypes(text, up.startsWith('.') ? up : `./${up}`))
}
writeFileSync(join(folder, 'types/others.d.ts'), othersTypes())
