import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { packAll } from '../../scripts/pack.mjs'
import { npmPackageOr } from '../support/npm-packages.ts'
import { mustRun, nodeOfRelease, packedRevision, pinned, runThere } from '../support/packed.ts'
import { type Registry, startRegistry } from '../support/registry.ts'
import { type StrangerLearner, writeDefinition, writeStranger } from '../support/stranger.ts'

/*
 * The tarball in empty folders of somebody who has npm or pnpm and nothing of this repository: it is installed,
 * checked, tested, run, extended and upgraded.
 */
const home = mkdtempSync(join(tmpdir(), 'slipway-package-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

/** `overrides` are what 0.14.0 needed: two packages below danfojs-node cannot be installed as they are. */
const { overrides, version: pinnedVersion } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'))

/** The last commit of 0.14.0. */
const release014 = '3df281f'

/** Each newest of its line, with whether a whole run is made on it. */
const releases = [
  { release: '20.20.2', runs: true },
  { release: '22.23.5', runs: false },
  { release: '24.22.3', runs: false },
  { release: '26.12.1', runs: true },
]

const trial = `import { readFileSync } from 'node:fs'
import { tryPipeline } from 'slipway/testing'
const lines = readFileSync('data/houses.csv', 'utf8').trim().split('\\n').slice(1, 61)
const rows = lines.map((line) => line.split(',')).map(([id, area, rooms, town, price]) =>
  ({ id: +id, area: +area, rooms: +rooms, town, price: +price }))
const { steps } = await tryPipeline('houses', rows)
console.log(steps.map(({ kind }) => kind).join())
`

type Manager = 'npm' | 'pnpm'
let tarball: string
/** Has the binaries of this system. */
let registry: Registry
let pnpm: string
beforeAll(async () => {
  const tarballs = await packAll(join(home, 'tarballs'), [`${process.platform}-${process.arch}`])
  tarball = tarballs[0] as string
  registry = await startRegistry(tarballs)
  const found = await npmPackageOr('pnpm', '10.34.8')
  if ('missing' in found) throw new Error(found.missing)
  pnpm = join(found.root, 'node_modules/pnpm/bin/pnpm.cjs')
})
afterAll(() => registry?.close())

/** A project that depends on a tarball, installed. */
async function installed(name: string, manager: Manager, slipway = tarball): Promise<string> {
  const root = join(home, name)
  writeStranger(root, {
    dependencies: { slipway: `file:${slipway}`, ...pinned('zod') },
    devDependencies: pinned('typescript', 'vitest', '@types/node'),
    ...(slipway === tarball ? {} : { overrides }),
  })
  writeFileSync(join(root, 'trial.mjs'), trial)
  await install(root, manager)
  return root
}

const install = (root: string, manager: Manager): Promise<string> =>
  mustRun(
    root,
    manager === 'npm'
      ? ['npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline']
      : [process.execPath, pnpm, 'install', '--ignore-scripts', '--prefer-offline', '--no-frozen-lockfile'],
    { npm_config_registry: registry.url },
  )

interface Steps {
  readonly steps: readonly { readonly name: string; readonly cached: boolean }[]
}

/** Runs the pipeline with a learner. @returns whether each step was reused */
async function runHouses(
  root: string,
  learner: StrangerLearner,
  env: Readonly<Record<string, string>> = {},
): Promise<Record<string, boolean>> {
  writeDefinition(root, learner)
  const { steps } = JSON.parse(
    await mustRun(root, ['npx', 'slipway', 'run', 'houses', '--wait', '--json', '--no-types'], env),
  ) as Steps
  return Object.fromEntries(steps.map(({ name, cached }) => [name, cached]))
}

/** Does something while the platform of a project is up. */
async function whileUp(
  root: string,
  work: () => Promise<void>,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  await mustRun(root, ['npx', 'slipway', 'up', '--detach'], env)
  try {
    await work()
  } finally {
    await runThere(root, ['npx', 'slipway', 'down'], env)
  }
}

it('has types that resolve from ES modules and bundlers, by arethetypeswrong', async () => {
  const found = await npmPackageOr('@arethetypeswrong/cli', '0.18.5')
  if ('missing' in found) throw new Error(found.missing)
  const attw = join(found.root, 'node_modules/.bin/attw')
  const { code, stdout } = await runThere(home, [attw, tarball, '--profile', 'esm-only', '--format', 'table-flipped'])
  expect(code, stdout).toBe(0)
})

describe.each<Manager>(['npm', 'pnpm'])('installed by %s', (manager) => {
  let root: string
  beforeAll(async () => {
    root = await installed(manager, manager)
  })

  it('type-checks a project that lets nothing pass', async () => {
    expect(await runThere(root, ['npx', 'tsc', '-p', '.'])).toMatchObject({ code: 0, stdout: '' })
  })

  it('passes the tests of the project: its pipeline on some rows, and its learner against the contract', async () => {
    const { code, stdout, stderr } = await runThere(root, ['npx', 'vitest', 'run', '--testTimeout', '600000'])
    expect(code, stdout + stderr).toBe(0)
    expect(stripVTControlCharacters(stdout)).toMatch(/Test Files\s+2 passed/)
    expect(stderr).not.toContain('AWS SDK')
  })

  it('runs the pipeline, and then with a learner that the project adds', async () => {
    await whileUp(root, async () => {
      expect(await runHouses(root, 'trees')).toMatchObject({ houses: false, prices: false })
      expect(await runHouses(root, 'winsorized')).toMatchObject({ houses: true, split: true, prices: false })
    })
  })
})

describe('the project of npm, on each Node', () => {
  let root: string
  beforeAll(async () => {
    root = join(home, 'npm')
    if (!existsSync(root)) await installed('npm', 'npm')
  })

  it.each(releases)('is planned, type-checked and tried on $release', async ({ release, runs }) => {
    const env = { PATH: `${await nodeOfRelease(release)}:${process.env.PATH}` }
    expect((await mustRun(root, ['node', '--version'], env)).trim()).toBe(`v${release}`)
    expect((await mustRun(root, ['npx', 'slipway', '--version'], env)).trim()).toBe(pinnedVersion)
    expect(await runThere(root, ['npx', 'tsc', '-p', '.'], env)).toMatchObject({ code: 0, stdout: '' })
    const tried = await runThere(root, ['node', 'trial.mjs'], env)
    expect(tried).toEqual({ code: 0, stdout: 'snapshot,validate,split,train,package,evaluate,gate\n', stderr: '' })
    await whileUp(
      root,
      async () => {
        expect(await mustRun(root, ['npx', 'slipway', 'plan', 'houses'], env)).toContain('types: checked by TypeScript')
        if (runs) expect(Object.keys(await runHouses(root, 'trees', env))).toContain('prices')
      },
      env,
    )
  })
})

describe('an upgrade from 0.14.0', () => {
  it('reuses what was made before, and verifies the model', async () => {
    const old = await packedRevision(release014, join(home, 'release-0.14'))
    const root = await installed('upgraded', 'npm', old)
    await whileUp(root, async () => {
      expect(await runHouses(root, 'trees')).toMatchObject({ prices: false })
    })
    const file = join(root, 'package.json')
    const { overrides: _, ...manifest } = JSON.parse(readFileSync(file, 'utf8'))
    manifest.dependencies.slipway = `file:${tarball}`
    writeFileSync(file, JSON.stringify(manifest))
    await install(root, 'npm')
    await whileUp(root, async () => {
      const reused = await runHouses(root, 'trees')
      expect(Object.entries(reused).filter(([name, cached]) => !cached && name !== 'register')).toEqual([])
      expect((await runThere(root, ['npx', 'slipway', 'verify', 'houses'])).code).toBe(0)
    })
  })
})
