import { execFile } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hostVersions, packageRoot } from '../../lib/code/host.ts'
import { packAll } from '../../scripts/pack.mjs'
import { type Registry, startRegistry } from '../support/registry.ts'

const run = promisify(execFile)
const folder = mkdtempSync(join(tmpdir(), 'slipway-weight-'))
const system = `${process.platform}-${process.arch}`
let registry: Registry

/**
 * A project of somebody's, with what it installs from a registry that has our tarballs; scripts of packages not run.
 */
async function install(name: string, ...packages: string[]): Promise<string> {
  const project = join(folder, name)
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name, type: 'module', private: true }))
  await run('npm', ['install', ...packages, '--registry', registry.url, '--ignore-scripts', '--no-audit'], {
    cwd: project,
  })
  return project
}

beforeAll(async () => {
  registry = await startRegistry(await packAll(join(folder, 'tarballs'), [system]))
})
afterAll(async () => {
  await registry?.close()
  rmSync(folder, { recursive: true, force: true })
})

const filesOf = (place: string): string[] =>
  readdirSync(place, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))

/** How the headers of programs name processors. */
const processors: Readonly<Record<'linux' | 'darwin' | 'windows', Readonly<Record<number, string>>>> = {
  linux: { 62: 'x64', 183: 'arm64' },
  darwin: { 16777223: 'x64', 16777228: 'arm64' },
  windows: { 34404: 'x64', 43620: 'arm64' },
}

/** Which system a file is a program or library of, by its first bytes; undefined where it is none. */
function systemOf(file: string): string | undefined {
  const head = Buffer.alloc(1024)
  const handle = openSync(file, 'r')
  readSync(handle, head, 0, head.length, 0)
  closeSync(handle)
  if (head.readUInt32BE(0) === 0x7f454c46)
    return `linux-${processors.linux[head.readUInt16LE(18)] ?? head.readUInt16LE(18)}`
  if (head.readUInt32LE(0) === 0xfeedfacf) return `darwin-${processors.darwin[head.readUInt32LE(4)] ?? 'other'}`
  const universal = head.readUInt32BE(0) === 0xcafebabe && /\.(node|dylib)$/.test(file)
  if (universal) return 'darwin-universal'
  const portable = head.readUInt32LE(60)
  if (head.readUInt16BE(0) !== 0x4d5a || portable > 1000 || head.readUInt32BE(portable) !== 0x50450000) return undefined
  return `win32-${processors.windows[head.readUInt16LE(portable + 4)] ?? 'other'}`
}

describe('npm install slipway, without scripts of packages', () => {
  let project: string
  beforeAll(async () => {
    project = await install('plain', 'slipway')
  })

  it('brings binaries of this system and of no other', () => {
    const binaries = filesOf(join(project, 'node_modules')).flatMap((file) => systemOf(file) ?? [])
    expect(binaries.length).toBeGreaterThan(4)
    expect(new Set(binaries)).toEqual(new Set([system]))
  })

  it('takes less than 411 MB, 0.4 of what 0.6 took', () => {
    const bytes = filesOf(join(project, 'node_modules')).reduce((sum, file) => sum + statSync(file).size, 0)
    expect(bytes).toBeLessThan(0.4 * 1_028_566_350)
  })

  it('says the licences of all that is inside', () => {
    const own = join(project, 'node_modules/slipway')
    const text = readFileSync(join(own, 'THIRD-PARTY.txt'), 'utf8')
    const { bundled } = JSON.parse(readFileSync(join(own, 'package.json'), 'utf8')) as { bundled: object }
    for (const [name, version] of Object.entries(bundled)) expect(text).toContain(`${name} ${version} (`)
  })

  it('counts the versions of what is inside as this repository does, so no step runs anew', () => {
    const { bundled, dependencies } = JSON.parse(
      readFileSync(join(project, 'node_modules/slipway/package.json'), 'utf8'),
    )
    for (const name of ['@duckdb/node-api', 'onnxruntime-node', 'wabt'])
      expect(bundled[name]).toBe(hostVersions()[name])
    expect(dependencies.zod).toBe(hostVersions().zod)
  })

  it('says what to install where a pipeline uses DataFrames', async () => {
    writeFileSync(join(project, 'uses.mjs'), "await import('slipway/dataframe')\n")
    await expect(run(process.execPath, ['uses.mjs'], { cwd: project })).rejects.toThrow(
      /danfojs, which is not installed[\s\S]*npm install slipway-dataframe/,
    )
  })

  it('scores with the very bytes of ONNX Runtime that this repository tests with', () => {
    const name = `slipway-onnxruntime-${system}`
    const upstream = join(packageRoot, 'node_modules/onnxruntime-node/bin/napi-v6', process.platform, process.arch)
    for (const file of readdirSync(upstream).filter((each) => existsSync(join(project, 'node_modules', name, each))))
      expect(readFileSync(join(project, 'node_modules', name, file)).equals(readFileSync(join(upstream, file)))).toBe(
        true,
      )
    expect(existsSync(join(project, 'node_modules', name, 'onnxruntime_binding.node'))).toBe(true)
  })
})

describe('npm install slipway-dataframe beside it', () => {
  it('is one package, without overrides, and danfojs works the same', async () => {
    const project = await install('frames', 'slipway', 'slipway-dataframe')
    expect(existsSync(join(project, 'node_modules/danfojs-node'))).toBe(false)
    writeFileSync(
      join(project, 'uses.mjs'),
      [
        "import { dataframe } from 'slipway/dataframe'",
        "const f = dataframe((df) => df.addColumn('b', df['a'].apply(Math.log1p)))",
        'console.log(JSON.stringify(Array.from(f({ a: Float64Array.of(1, 2.5) }).b)))',
      ].join('\n'),
    )
    const { stdout } = await run(process.execPath, ['uses.mjs'], { cwd: project })
    expect(JSON.parse(stdout.trim().split('\n').at(-1) as string)).toEqual([Math.log1p(1), Math.log1p(2.5)])
  })
})
