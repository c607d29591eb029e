import { execFile } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { isBuiltin } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { layOut, publishedManifest } from '../../scripts/pack.mjs'
import { writeStranger } from '../support/stranger.ts'

/*
 * The package as it is published, laid out in dist/package. That it installs, from its tarball, is in
 * test/peers/install.test.ts; here its own dependencies are this repository's.
 */
const run = promisify(execFile)
const tsc = join(packageRoot, 'node_modules/typescript/bin/tsc')

let folder: string
let files: readonly string[]
beforeAll(async () => {
  folder = await layOut()
  files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1))
})

/** Files of this repository that a text names by `join(packageRoot, …)` or `builtFile(…)`. */
function openedBy(source: string): string[] {
  const joined = [...source.matchAll(/join\(packageRoot, ((?:'[^']+'(?:, )?)+)\)/g)].map(([, parts = '']) =>
    [...parts.matchAll(/'([^']+)'/g)].map(([, part]) => part).join('/'),
  )
  const built = [...source.matchAll(/builtFile\('([^']+)'\)/g)].map(([, name]) => `dist/${name}.js`)
  return [...joined, ...built]
}

/** What only a checkout has, or an image: whoever asks looks whether it is there, or says what is missing. */
const elsewhere = ['pipelines', 'model', 'scripts/run.mjs', 'test/sagemaker-fake/story-project.ts']

describe('the files of the package', () => {
  it('are what is run, what is compiled against and what user code is bundled from', () => {
    expect([...new Set(files.map((file) => file.split('/')[0]))].sort()).toEqual(
      // The action of GitHub is used from where the package is installed.
      ['LICENSE', 'README.md', 'THIRD-PARTY.txt', 'action', 'action.yml', 'bin', 'dist', 'lib', 'package.json'].sort(),
    )
    const foreign = files.filter((file) => /(^|\/)(bench|pipelines|scripts|examples|docs|test)\//.test(file))
    const known = /^dist\/types\/test\/contracts\/[\w-]+\.d\.ts$/
    expect(foreign.filter((file) => !known.test(file))).toEqual([])
    expect(files.filter((file) => /\.test\.|\.npmignore|-stamp$|\.csv$|\.parquet$/.test(file))).toEqual([])
  })

  it('are all in its tarball', async () => {
    const { stdout } = await run('npm', ['pack', folder, '--dry-run', '--json'], { maxBuffer: 1 << 26 })
    const [{ files: packed }] = JSON.parse(stdout) as [{ files: { path: string }[] }]
    expect(packed.map(({ path }) => path).sort()).toEqual([...files].sort())
  })

  it('hold TypeScript only of what users import, and declarations only below dist', () => {
    const sources = files.filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
    expect(sources).toContain('lib/definition/index.ts')
    expect(sources.filter((file) => !/^lib\/(definition|formats)\//.test(file))).toEqual([])
    expect(files.filter((file) => file.endsWith('.d.ts') && !file.startsWith('dist/'))).toEqual([])
  })

  it('hold parts of this build only', () => {
    const parts = files.filter((file) => /^dist\/chunks\/.*\.js$/.test(file))
    const code = files.filter((file) => /^dist\/(chunks\/)?[^/]*\.js$/.test(file))
    const named = new Set(
      code.flatMap((file) =>
        [...readFileSync(join(folder, file), 'utf8').matchAll(/["'](?:\.\/|\.\/chunks\/)([\w.-]+\.js)["']/g)].map(
          ([, name]) => `dist/chunks/${name}`,
        ),
      ),
    )
    expect(parts.filter((part) => !named.has(part))).toEqual([])
  })

  it('hold every file that code opens by its path', () => {
    const opened = ['lib', 'gateway', 'activities', 'workers', 'client', 'console', 'cli', 'testing'].flatMap((room) =>
      readdirSync(join(packageRoot, room), { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.ts'))
        .flatMap((file) => openedBy(readFileSync(join(packageRoot, room, file), 'utf8'))),
    )
    expect(opened).toContain('dist/trees-kernels.wasm')
    expect(opened).toContain('dist/worker.js')
    const missing = opened.filter((file) => !elsewhere.includes(file) && !existsSync(join(folder, file)))
    expect(missing).toEqual([])
  })

  it('take vitest from whoever runs the contract tests', () => {
    expect(readFileSync(join(folder, 'dist/contract-tests.js'), 'utf8')).toMatch(/from "vitest"/)
  })

  it('hold declarations that name no package which users do not have', () => {
    const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    const theirs = [...Object.keys({ ...dependencies, ...peerDependencies }), 'slipway', 'slipway-dataframe', 'node:*']
    const foreign = files
      .filter((file) => file.endsWith('.d.ts'))
      .flatMap((file) => {
        const text = readFileSync(join(folder, file), 'utf8')
        // Not of a key that is called so: `'from' | 'to'`.
        const named = [...text.matchAll(/(?<!["'])(?:\bfrom|\bimport)\s*\(?\s*["']([^."'][^"']*)["']/g)].map(
          ([, name = '']) => name,
        )
        const packages = named.map((name) =>
          isBuiltin(name) ? 'node:*' : name.split('/', name.startsWith('@') ? 2 : 1).join('/'),
        )
        return packages.filter((name) => !theirs.includes(name)).map((name) => `${file}: ${name}`)
      })
    expect(foreign).toEqual([])
  })

  it('hold the source that each map of declarations leads to', () => {
    const maps = files.filter((file) => file.endsWith('.d.ts.map'))
    expect(maps).toContain('dist/types/lib/definition/index.d.ts.map')
    for (const map of maps) {
      const { sources } = JSON.parse(readFileSync(join(folder, map), 'utf8')) as { sources: string[] }
      for (const source of sources)
        expect(existsSync(join(folder, dirname(map), source)), `${map}: ${source}`).toBe(true)
    }
  })
})

describe('its package.json', () => {
  it('says nothing of how this repository is worked on', () => {
    expect(
      publishedManifest({
        name: 'slipway',
        private: true,
        scripts: { test: 'vitest' },
        devDependencies: { vitest: '4' },
        overrides: { xlsx: '1' },
        dependencies: { zod: '4' },
        exports: { '.': { 'slipway-source': './lib/a.ts', types: './a.d.ts', default: './a.js' }, './b': './b.js' },
      }),
    ).toEqual({
      name: 'slipway',
      dependencies: { zod: '4' },
      exports: { '.': { types: './a.d.ts', default: './a.js' }, './b': './b.js' },
    })
  })

  it('is clean by publint', async () => {
    const { messages, pkg } = await publint({ pkgDir: folder, pack: false, strict: true })
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([])
  })
})

describe('somebody who has the package and nothing of this repository', () => {
  let root: string
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'slipway-stranger-'))
    writeStranger(root)
    mkdirSync(join(root, 'node_modules'))
    symlinkSync(folder, join(root, 'node_modules/slipway'))
    for (const name of ['zod', '@types', 'vitest'])
      symlinkSync(join(packageRoot, 'node_modules', name), join(root, 'node_modules', name))
  })
  afterAll(() => rmSync(root, { recursive: true, force: true }))

  it('type-checks a pipeline, an adapter and tests of both as strictly as can be', async () => {
    const check = () =>
      run(process.execPath, [tsc, '-p', root]).then(
        ({ stdout }) => stdout,
        ({ stdout }) => stdout as string,
      )
    expect(await check()).toBe('')
    const file = join(root, 'pipelines/houses/features.ts')
    const features = readFileSync(file, 'utf8')
    writeFileSync(file, features.replace('{ area, rooms, town }', '{ area, rooms, city }'))
    expect(await check()).toContain("Property 'city' does not exist")
    writeFileSync(file, features)
  })

  it('imports each entry in Node, which warns of nothing', async () => {
    const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { exports: object }
    // vitest can be imported by tests alone, and danfojs takes its seconds.
    const entries = Object.keys(exports).filter((path) => !/contract-tests|dataframe|package\.json/.test(path))
    expect(entries).toContain('./extend')
    const imports = entries.map(
      (path) => `console.log(Object.keys(await import('slipway${path.slice(1)}')).length > 0)`,
    )
    writeFileSync(join(root, 'imports.mjs'), imports.join('\n'))
    const { stdout, stderr } = await run(process.execPath, ['imports.mjs'], { cwd: root })
    expect(stderr).toBe('')
    expect(stdout.trim().split('\n')).toEqual(entries.map(() => 'true'))
  })

  it('tries a pipeline on some rows, and is told nothing else', async () => {
    const lines = [
      "import { readFileSync } from 'node:fs'",
      "import { tryPipeline } from 'slipway/testing'",
      "const [, ...lines] = readFileSync('data/houses.csv', 'utf8').trim().split('\\n').slice(0, 61)",
      "const rows = lines.map((line) => line.split(',')).map(([id, area, rooms, town, price]) =>",
      '  ({ id: +id, area: +area, rooms: +rooms, town, price: +price }))',
      "const { steps } = await tryPipeline('houses', rows)",
      'console.log(steps.map(({ kind }) => kind).join())',
    ]
    writeFileSync(join(root, 'trial.mjs'), lines.join('\n'))
    const env = { ...process.env }
    delete env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED
    const { stdout, stderr } = await run(process.execPath, ['trial.mjs'], { cwd: root, env })
    expect(stderr).toBe('')
    expect(stdout.trim()).toBe('snapshot,validate,split,train,package,evaluate,gate')
  })
})
