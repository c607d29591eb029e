import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { exampleTable } from '../../lib/proposal/example-table.ts'
import { npmShim } from '../support/npm-shim.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-create-'))
  mkdirSync(join(folder, 'work'))
  writeFileSync(join(folder, 'work/rows.csv'), exampleTable(80))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** `npm create slipway …` in an empty folder with a table in it. */
function create(args: readonly string[], env: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync('npm', ['create', 'slipway@latest', ...args], {
    cwd: join(folder, 'work'),
    encoding: 'utf8',
    env: { ...process.env, PATH: `${npmShim(folder)}:${process.env.PATH}`, npm_config_user_agent: 'npm/10', ...env },
  })
  return { code: status, stdout, stderr, left: readdirSync(join(folder, 'work')).sort() }
}

describe('npm create slipway', () => {
  it('makes a folder with Slipway in it and a pipeline over a table, and says what to do there', () => {
    const { code, stdout, stderr, left } = create(['my-models', '--', '--from', 'rows.csv', '--target=rent'])
    expect([code, stderr]).toEqual([0, expect.stringContaining('rent: it was asked for')])
    expect(left).toEqual(['my-models', 'rows.csv'])
    const file = (name: string): string => readFileSync(join(folder, 'work/my-models', name), 'utf8')
    expect(file('data/rows.csv')).toBe(exampleTable(80))
    expect(JSON.parse(file('package.json'))).toMatchObject({
      name: 'my-models',
      type: 'module',
      scripts: { test: 'vitest run' },
    })
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .slice(-3)
        .map((line) => line.trim()),
    ).toEqual(['cd my-models', 'npx slipway up --detach', 'npx slipway run rent --wait'])
  })

  it('is released together with Slipway', () => {
    const version = (file: string): string => JSON.parse(readFileSync(join(packageRoot, file), 'utf8')).version
    expect(version('packages/create-slipway/package.json')).toBe(version('package.json'))
  })

  it.each<[string, string[], RegExp]>([
    ['no folder', [], /the folder is missing/],
    ['a name that no package has', ['My Models!'], /no name for a package.*\n.*for example my-models/],
    ['two folders', ['a', 'b'], /two folders are named/],
    ['an option that is none', ['a', '--', '--form', 'x'], /--form is no option/],
    ['a table that is not there', ['a', '--', '--from', 'nowhere.csv'], /there is no such file/],
    ['a folder that is not empty', ['full'], /full is not empty: notes.txt/],
    ['a project', ['project'], /a project already\n.*npx slipway init/],
    [
      'a column that is not there',
      ['a', '--', '--from', 'rows.csv', '--target', 'rents'],
      /did you mean --target rent/,
    ],
  ])('refuses %s, and leaves everything as it was', (_, args, said) => {
    for (const [name, file] of [
      ['full', 'notes.txt'],
      ['project', 'package.json'],
    ] as const) {
      mkdirSync(join(folder, 'work', name))
      writeFileSync(join(folder, 'work', name, file), '{}')
    }
    const { code, stderr, left } = create(args)
    expect([code, stderr]).toEqual([2, expect.stringMatching(said)])
    expect(stderr).not.toMatch(/\n\s+at /)
    expect(left).toEqual(['full', 'project', 'rows.csv'])
    expect(readdirSync(join(folder, 'work/full'))).toEqual(['notes.txt'])
  })

  it('without a network says what to run, and leaves nothing', () => {
    const { code, stderr, left } = create(['deep/models'], { SHIM_OFFLINE: '1' })
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/could not be installed by npm.*\n.*the same command again/),
    ])
    expect(left).toEqual(['rows.csv'])
    expect(existsSync(join(folder, 'work/deep'))).toBe(false)
  })

  it('has a help that names its options', () => {
    const { code, stdout } = create(['--help'])
    expect([code, stdout]).toEqual([0, expect.stringContaining('--from <file>')])
  })
})
