// Makes the package that is published: dist/package and its tarball. What is packed where this repository is would lack
// types, and have in its package.json what only this repository uses.
//
//   node scripts/pack.mjs [folder for the tarballs [systems whose binaries are packed: linux-x64 …]]
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ensureBuilt, libraries } from './build.mjs'
import { packNatives } from './pack-natives.mjs'
import { reachedTypes } from './reached-types.mjs'
import { bundledSources, noticesOf, versionsOf } from './third-party.mjs'
import { forUsers } from './users-manifest.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const stage = join(root, 'dist', 'package')

/**
 * The manifest that is published: without what only this repository uses.
 * @param own that of the repository
 */
export function publishedManifest(own) {
  const { private: _, scripts, devDependencies, overrides, exports, ...published } = own
  const found = Object.entries(exports).map(([path, target]) => {
    if (typeof target === 'string') return [path, target]
    const { 'slipway-source': source, ...conditions } = target
    return [path, conditions]
  })
  return { ...published, exports: Object.fromEntries(found) }
}

/** Where declarations import from, by paths. */
const imported = /((?:\bfrom|\bimport)\s*\(?\s*["'])(\.[^"']+?)\.ts(["'])/g

/** Sources that user code and the code of models from elsewhere are bundled from. @returns their paths */
async function bundledFrom() {
  const { build } = await import('esbuild')
  const { metafile } = await build({
    entryPoints: ['index', 'dataframe', 'all-columns'].map((name) => join(root, `lib/definition/${name}.ts`)),
    absWorkingDir: root,
    bundle: true,
    packages: 'external',
    write: false,
    outdir: stage,
    metafile: true,
  })
  return new Set(Object.keys(metafile.inputs))
}

/**
 * Writes the declarations of what users import, and of what these name in turn.
 * @param shipped sources that are in the package, so that a map can lead to them
 */
function writeTypes(target, shipped) {
  const written = join(root, 'dist', '.types')
  const project = join(written, 'tsconfig.json')
  rmSync(written, { recursive: true, force: true })
  mkdirSync(written, { recursive: true })
  const compilerOptions = {
    noEmit: false,
    // `npm run check` checks.
    noCheck: true,
    declaration: true,
    declarationMap: true,
    emitDeclarationOnly: true,
    rootDir: root,
    outDir: written,
  }
  const files = Object.values(libraries).map((file) => join(root, file))
  const settings = { extends: '../../tsconfig.json', compilerOptions, files, include: [], exclude: [] }
  writeFileSync(project, JSON.stringify(settings))
  execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', project], { stdio: 'inherit' })
  const reached = reachedTypes(
    files.map((file) => relative(root, file).replace(/\.ts$/, '')),
    (file) => readFileSync(join(written, `${file}.d.ts`), 'utf8'),
  )
  for (const [file, text] of reached) {
    // What danfojs is called where users have it.
    const code = text.replaceAll(imported, '$1$2.js$3').replaceAll("'danfojs-node'", "'slipway-dataframe'")
    const place = join(target, `${file}.d.ts`)
    mkdirSync(dirname(place), { recursive: true })
    if (shipped.has(`${file}.ts`)) {
      writeFileSync(place, code)
      const map = JSON.parse(readFileSync(join(written, `${file}.d.ts.map`), 'utf8'))
      const source = relative(dirname(place), join(stage, `${file}.ts`))
      writeFileSync(`${place}.map`, JSON.stringify({ ...map, sources: [source] }))
    } else writeFileSync(place, code.replace(/\n?\/\/# sourceMappingURL=.*\s*$/, '\n').replaceAll(/\n{3,}/g, '\n\n'))
  }
  rmSync(written, { recursive: true, force: true })
}

/** Lays the package out in dist/package. @returns that folder */
export async function layOut() {
  await ensureBuilt()
  rmSync(stage, { recursive: true, force: true })
  const listed = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const [{ files }] = JSON.parse(listed)
  const sources = await bundledFrom()
  for (const { path } of files)
    if (!path.startsWith('lib/') || !path.endsWith('.ts') || sources.has(path))
      cpSync(join(root, path), join(stage, path))
  writeTypes(join(stage, 'dist/types'), sources)
  const carried = bundledSources(join(stage, 'dist'))
  writeFileSync(join(stage, 'THIRD-PARTY.txt'), noticesOf(root, carried))
  const [own, natives] = ['package.json', 'lib/code/native-packages.json'].map((file) =>
    JSON.parse(readFileSync(join(root, file), 'utf8')),
  )
  const manifest = publishedManifest(forUsers(own, natives, versionsOf(root, carried)))
  writeFileSync(join(stage, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  return stage
}

/** Packs it. @returns the tarball's path */
export async function pack(folder) {
  return packFolder(await layOut(), folder)
}

/**
 * Packs all that users install: Slipway, what `npm create slipway` runs, DataFrames, and the binaries of these systems.
 * @returns the tarballs' paths
 */
export async function packAll(folder, systems) {
  const own = await pack(folder)
  execFileSync(process.execPath, ['scripts/run.mjs', 'packages/slipway-dataframe/build.mts'], { cwd: root })
  const beside = [layOutCreating(), join(root, 'dist/packages/slipway-dataframe')]
  return [own, ...beside.map((place) => packFolder(place, folder)), ...packNatives(folder, systems)]
}

/** Lays out what `npm create slipway` runs: it is as it stands, with the licence. @returns its folder */
function layOutCreating() {
  const place = join(root, 'dist/packages/create-slipway')
  rmSync(place, { recursive: true, force: true })
  cpSync(join(root, 'packages/create-slipway'), place, { recursive: true })
  cpSync(join(root, 'LICENSE'), join(place, 'LICENSE'))
  return place
}

function packFolder(stage, folder) {
  mkdirSync(folder, { recursive: true })
  const name = execFileSync('npm', ['pack', stage, '--pack-destination', folder, '--silent'], {
    cwd: root,
    encoding: 'utf8',
  })
  return join(folder, name.trim())
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [folder, ...systems] = process.argv.slice(2)
  const target = resolve(folder ?? join(root, 'dist'))
  for (const file of await packAll(target, systems.length === 0 ? undefined : systems)) console.log(file)
}
