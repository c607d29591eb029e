import { execFile, execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { packageRoot } from '../lib/code/host.ts'
import { packAll } from '../scripts/pack.mjs'
import { startRegistry } from '../test/support/registry.ts'
import { type Figure, interleaved } from './measure.ts'

const run = promisify(execFile)
/** The last commit of 0.6, which was installed by its repository's own lock. */
const before = '96df101^'
const rounds = 2

/** What installing Slipway takes, against `npm ci --omit=dev` of 0.6: caches of npm are empty in each round. */
export async function measureInstall(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-bench-install-'))
  const tarballs = await packAll(join(folder, 'tarballs'), [`${process.platform}-${process.arch}`])
  const registry = await startRegistry(tarballs)
  const [ours, theirs] = [join(folder, 'ours'), join(folder, 'theirs')]
  const installed = (place: string, files: Readonly<Record<string, string>>, args: readonly string[]) => async () => {
    rmSync(place, { recursive: true, force: true })
    mkdirSync(place)
    for (const [name, text] of Object.entries(files)) writeFileSync(join(place, name), text)
    const cache = mkdtempSync(join(folder, 'cache-'))
    await run('npm', [...args, '--ignore-scripts', '--no-audit', '--cache', cache], { cwd: place })
    rmSync(cache, { recursive: true, force: true })
  }
  const ofBefore = (file: string): string =>
    execFileSync('git', ['show', `${before}:${file}`], { cwd: packageRoot, encoding: 'utf8', maxBuffer: 1 << 26 })
  const locked = { 'package.json': ofBefore('package.json'), 'package-lock.json': ofBefore('package-lock.json') }
  try {
    const seconds = await interleaved(
      rounds,
      installed(ours, { 'package.json': '{"private":true}' }, ['install', 'slipway', '--registry', registry.url]),
      installed(theirs, locked, ['ci', '--omit=dev']),
    )
    const [here, there] = [sizeOf(ours), sizeOf(theirs)]
    const against = 'against `npm ci --omit=dev` of 0.6'
    const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`
    return [
      {
        what: `\`npm install slipway\` ${against}, bytes`,
        ours: megabytes(here.bytes),
        theirs: megabytes(there.bytes),
        ratio: here.bytes / there.bytes,
        limit: 0.4,
      },
      {
        what: 'the same, files',
        ours: here.files.toLocaleString('en'),
        theirs: there.files.toLocaleString('en'),
        ratio: here.files / there.files,
        limit: 0.4,
      },
      {
        what: "the same, time with npm's cache empty",
        ours: `${seconds.ours.toFixed(1)} s`,
        theirs: `${seconds.theirs.toFixed(1)} s`,
        ratio: seconds.ours / seconds.theirs,
        limit: 0.5,
      },
    ]
  } finally {
    await registry.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

function sizeOf(place: string): { readonly bytes: number; readonly files: number } {
  const entries = readdirSync(join(place, 'node_modules'), { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  return { files: files.length, bytes: files.reduce((sum, file) => sum + statSync(file).size, 0) }
}
