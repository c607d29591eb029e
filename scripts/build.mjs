// Builds dist/: one file an entry point with most packages left outside, and the workflow bundle. Nothing is done when
// the sources have not changed, so that the command can ask for it at every start.
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { carryPackages } from './carry-packages.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const dist = join(root, 'dist')

const rooms = [
  'lib',
  'gateway',
  'activities',
  'workflows',
  'workers',
  'client',
  'console',
  'cli',
  'testing',
  'test/contracts',
]
/** What users import, by `exports` of package.json. */
export const libraries = {
  slipway: 'lib/definition/index.ts',
  dataframe: 'lib/definition/dataframe.ts',
  testing: 'testing/index.ts',
  client: 'client/index.ts',
  extend: 'lib/extensions/extension.ts',
  'contract-tests': 'test/contracts/index.ts',
}
const entries = {
  ...libraries,
  cli: 'cli/main.ts',
  worker: 'workers/main.ts',
  gateway: 'workers/gateway-main.ts',
  serve: 'workers/container-main.ts',
  console: 'console/main.ts',
  'scorer-thread': 'gateway/scorer-thread.ts',
  'tensor-thread': 'gateway/tensors/thread.ts',
  'body-thread': 'gateway/bodies/thread.ts',
  'snapshot-thread': 'gateway/lookups/snapshot-thread.ts',
  job: 'activities/job-thread.ts',
  'rehearse-thread': 'client/rehearse-thread.ts',
  'trees-thread': 'lib/learners/trees/thread.ts',
  'features-again': 'lib/learners/features-again/process.ts',
  'program-guard': 'lib/learners/program/guard.ts',
  // Named by what scripts/carry-packages.mjs puts in the place of the SDK's own path.
  'workflow-thread': 'node_modules/@temporalio/worker/lib/workflow/workflow-worker-thread.js',
}

/** Packages beside our files: those with binaries, and those whose files others look for. All others are inside. */
const outside = ['@duckdb/node-bindings', 'esbuild', 'oxc-parser', 'pg-native', 'slipway-dataframe', 'vitest']

/** How long parts of older builds stay, ms: processes that began with them may still import one. */
const keepParts = 24 * 60 * 60 * 1000

/** Packages that are no modules ask for others by it, and say where they are. */
const requireBanner = [
  "import { createRequire as requireOf } from 'node:module'",
  "import { fileURLToPath as fileOfUrl } from 'node:url'",
  'const require = requireOf(import.meta.url), __filename = fileOfUrl(import.meta.url), __dirname = fileOfUrl(new URL(".", import.meta.url))',
].join('\n')

/** Digest of the names, sizes and times of the sources below some folders, of the lock file and of what builds. */
function stampOf(folders) {
  const hash = createHash('sha256')
  for (const file of [
    'package-lock.json',
    'scripts/build.mjs',
    'scripts/carry-packages.mjs',
    'scripts/host-packages.mjs',
  ])
    hash.update(readFileSync(join(root, file)))
  for (const folder of folders) {
    const files = readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    for (const file of files.filter((entry) => entry.isFile() && /\.(tsx?|html|css|svg|mjs|json)$/.test(entry.name))) {
      const path = join(file.parentPath ?? file.path, file.name)
      const { size, mtimeMs } = statSync(path)
      hash.update(`${path.slice(root.length)} ${size} ${mtimeMs}\n`)
    }
  }
  return hash.digest('hex')
}

function isFresh(name, stamp) {
  const file = join(dist, name)
  return existsSync(file) && readFileSync(file, 'utf8') === stamp
}

/** Brings dist/ up to date. In an image without sources there is nothing to do. */
export async function ensureBuilt() {
  if (!existsSync(join(root, 'cli'))) return
  const stamp = stampOf(rooms)
  if (isFresh('.stamp', stamp)) return
  mkdirSync(dist, { recursive: true })
  rmSync(join(dist, '.stamp'), { force: true })
  // esbuild works in a process of its own: what is compiled here goes on beside it.
  const [outputs] = await Promise.all([
    buildEntries(),
    buildConverter(),
    buildContainer(),
    buildEdge(),
    buildHostPackages(),
    buildConsole(),
    buildAllKernels(),
    buildWorkflows(),
  ])
  // What reads the maps of workflow code.
  const ofWorker = createRequire(createRequire(import.meta.url).resolve('@temporalio/worker'))
  copyFileSync(ofWorker.resolve('source-map/lib/mappings.wasm'), join(dist, 'mappings.wasm'))
  copyTrainer()
  removeOldParts(join(dist, 'chunks'), importedParts(outputs))
  writeFileSync(join(dist, '.stamp'), stamp)
}

/** What users import and what processes and threads begin with. @returns what esbuild wrote, by file */
async function buildEntries() {
  const { build } = await import('esbuild')
  const { metafile } = await build({
    entryPoints: Object.fromEntries(Object.entries(entries).map(([name, file]) => [name, join(root, file)])),
    outdir: dist,
    metafile: true,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    // As modules where packages are both: of the AWS SDK only what is used is loaded then.
    mainFields: ['module', 'main'],
    external: outside,
    plugins: [carryPackages(root)],
    banner: { js: requireBanner },
    sourcemap: 'linked',
    sourcesContent: false,
    logLevel: 'warning',
    chunkNames: 'chunks/[name]-[hash]',
    // esbuild checks no types; `npm run check` does.
    absWorkingDir: root,
  })
  return metafile.outputs
}

/** The Temporal SDK loads the payload converter by path, with require. */
async function buildConverter() {
  const { build } = await import('esbuild')
  await build({
    entryPoints: [join(root, 'workflows/payload-converter.ts')],
    outfile: join(dist, 'payload-converter.cjs'),
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    logLevel: 'warning',
  })
}

/** Loops of training, which share the memory of its threads, of explanations and of tables as text. */
async function buildAllKernels() {
  await buildKernels('trees-kernels', 'lib/learners/trees/kernels', ['--enable', 'simd,threads', '--sharedMemory'])
  await buildKernels('explain-kernels', 'lib/explain/kernels', ['--enable', 'simd'])
  await buildKernels('csv-kernels', 'lib/learners/program/kernels', [])
}

/** The program of the template `python`: the example, as `slipway init` writes it into projects. An image has none. */
function copyTrainer() {
  const folder = 'trainers/sklearn'
  if (existsSync(join(root, 'examples', folder)))
    cpSync(join(root, 'examples', folder), join(dist, folder), { recursive: true })
}

/** The parts that are imported from our entry points: of code that nobody uses parts are left that nobody imports. */
function importedParts(outputs) {
  const imported = new Set(Object.keys(entries).map((name) => `dist/${name}.js`))
  for (const file of imported) for (const { path } of outputs[file]?.imports ?? []) imported.add(path)
  return [...imported].flatMap((file) => [file, `${file}.map`])
}

/**
 * Each build names its parts by their contents, so those of builds long ago are nobody's any more. Those of builds
 * shortly before go into no package.
 */
function removeOldParts(folder, made) {
  const current = new Set(made.map((file) => basename(file)))
  const others = readdirSync(folder).filter((name) => /\.js(\.map)?$/.test(name) && !current.has(name))
  const old = others.filter((name) => statSync(join(folder, name)).mtimeMs < Date.now() - keepParts)
  for (const name of old) rmSync(join(folder, name))
  writeFileSync(join(folder, '.npmignore'), others.map((name) => `${name}\n`).join(''))
}

/**
 * What serves one model in an image, with every package inside it but those that have binaries: nothing of a path of
 * this machine is in it.
 */
async function buildContainer() {
  const { build } = await import('esbuild')
  const outdir = join(dist, 'container')
  rmSync(outdir, { recursive: true, force: true })
  await build({
    entryPoints: Object.fromEntries(
      ['serve', 'scorer-thread', 'tensor-thread', 'body-thread'].map((name) => [name, join(root, entries[name])]),
    ),
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    plugins: [carryPackages(root)],
    minifyWhitespace: true,
    legalComments: 'linked',
    banner: { js: requireBanner },
    logLevel: 'warning',
    chunkNames: 'chunks/[name]-[hash]',
    absWorkingDir: root,
  })
}

/** Loops from AssemblyScript: no runtime, their memory from outside. */
async function buildKernels(name, folder, memory) {
  const stamp = stampOf([folder])
  if (isFresh(`.${name}-stamp`, stamp)) return
  const { main } = await import('assemblyscript/asc')
  const { error, stderr } = await main([
    ...readdirSync(join(root, folder)).map((file) => join(folder, file)),
    ...['--baseDir', root, '--outFile', `dist/${name}.wasm`],
    ...['--optimizeLevel', '3', '--noAssert', '--runtime', 'stub'],
    ...['--importMemory', '--noExportMemory', '--initialMemory', '1', '--maximumMemory', '65536', ...memory],
  ])
  if (error) throw new Error(`the kernels in ${folder} do not compile: ${stderr}`, { cause: error })
  writeFileSync(join(dist, `.${name}-stamp`), stamp)
}

/** What scores in browsers: one small module that imports nothing. */
async function buildEdge() {
  const { build } = await import('esbuild')
  const room = join(root, 'lib/edge/runtime')
  await build({
    entryPoints: [join(room, 'index.ts')],
    outfile: join(dist, 'slipway-edge.js'),
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    // Shapes are zod's; here nothing is parsed by them, so they are left out.
    plugins: [
      {
        name: 'pure-shapes',
        setup: (builder) => builder.onLoad({ filter: /lib.(formats|compiler).*\.ts$/ }, pureShapes),
      },
    ],
    alias: { 'node:util': join(room, 'inspect.ts') },
    logLevel: 'warning',
  })
  copyFileSync(join(room, 'slipway-edge.d.ts'), join(dist, 'slipway-edge.d.ts'))
  const [page, script] = ['index.html', 'try.mjs'].map((name) =>
    readFileSync(join(root, 'lib/edge/page', name), 'utf8'),
  )
  writeFileSync(
    join(dist, 'edge-page.html'),
    page.replace('/* try.mjs */', () => script),
  )
}

/** What user code takes from its host, as texts for its realm: where danfojs is installed it too. */
async function buildHostPackages() {
  const { hostText } = await import('./host-packages.mjs')
  mkdirSync(join(dist, 'host'), { recursive: true })
  for (const name of ['zod', 'danfojs-node'])
    if (existsSync(join(root, 'node_modules', name)))
      writeFileSync(join(dist, 'host', `${name}.js`), await hostText(name, root))
}

/** The console's front end: a script and a style sheet, named by what is in them, and the page that loads them. */
async function buildConsole() {
  const { build } = await import('esbuild')
  const outdir = join(dist, 'console')
  const room = join(root, 'console/app')
  rmSync(outdir, { recursive: true, force: true })
  const { metafile } = await build({
    entryPoints: [join(room, 'main.tsx'), join(room, 'style.css')],
    outdir,
    entryNames: '[name]-[hash]',
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'linked',
    metafile: true,
    logLevel: 'warning',
    absWorkingDir: root,
  })
  const names = Object.keys(metafile.outputs).map((path) => path.slice(path.lastIndexOf('/') + 1))
  const page = readFileSync(join(room, 'index.html'), 'utf8').replaceAll(
    /\/(main|style)\.(js|css)/g,
    (_, name, kind) => `/${names.find((each) => each.startsWith(`${name}-`) && each.endsWith(`.${kind}`))}`,
  )
  writeFileSync(join(outdir, 'index.html'), page)
  copyFileSync(join(room, 'icon.svg'), join(outdir, 'icon.svg'))
}

/** Marks calls of zod, which change nothing when their result is unused. Lines of comments are left as they are. */
const pureShapes = ({ path }) => ({
  contents: readFileSync(path, 'utf8').replaceAll(/^(?! *(?:\/\*|\*|\/\/)).*$/gm, (line) =>
    line.replaceAll(/(?<![\w.])(?=z\.|[A-Z]\w+\.(?:extend|optional)\()/g, '/*@__PURE__*/ '),
  ),
  loader: 'ts',
})

/** Workflow code is bundled apart, for the sandbox it runs in: seconds, so only when what it can import has changed. */
async function buildWorkflows() {
  const stamp = stampOf(['workflows', 'lib/formats', 'lib/definition', 'lib/stats'])
  if (isFresh('.workflows-stamp', stamp)) return
  const { bundleWorkflowCode } = await import('@temporalio/worker')
  const quiet = { trace() {}, debug() {}, info() {}, warn: console.error, error: console.error, log() {} }
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(root, 'workflows/index.ts'),
    payloadConverterPath: join(root, 'workflows/payload-converter.ts'),
    logger: quiet,
  })
  writeFileSync(join(dist, 'workflows.js'), code)
  writeFileSync(join(dist, '.workflows-stamp'), stamp)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await ensureBuilt()
