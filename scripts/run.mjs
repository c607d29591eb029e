// Runs a TypeScript file of this repository: node scripts/run.mjs <file.ts> [arguments]
import { spawn } from 'node:child_process'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { ensureBuilt } from './build.mjs'

const [file, ...args] = process.argv.slice(2)
if (file === undefined) throw new Error('usage: node scripts/run.mjs <file.ts> [arguments]')
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'
await ensureBuilt()
const outfile = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist', 'scripts', `${basename(file, '.ts')}.js`)
/** Scripts know this repository by where they are: they are imported from there. */
const scripts = {
  name: 'scripts',
  setup(builder) {
    builder.onResolve({ filter: /\/scripts\/[\w-]+\.mjs$/ }, ({ path, resolveDir }) => ({
      path: pathToFileURL(join(resolveDir, path)).href,
      external: true,
    }))
  },
}
await build({
  entryPoints: [resolve(file)],
  outfile,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  packages: 'external',
  plugins: [scripts],
  sourcemap: 'inline',
  logLevel: 'error',
})
spawn(process.execPath, ['--enable-source-maps', outfile, ...args], { stdio: 'inherit' }).once('exit', (code) =>
  process.exit(code ?? 1),
)
