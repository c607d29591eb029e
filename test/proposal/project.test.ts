import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { developing } from '../../cli/init/project.ts'
import { writeAll } from '../../cli/init/write-all.ts'
import { packageRoot } from '../../lib/code/host.ts'
import { exampleTable } from '../../lib/proposal/example-table.ts'
import { onnxFile, op, tensorValue, types } from '../support/finished-models.ts'
import { newProject, type TestProject } from '../support/project.ts'
import { runCommand } from '../support/run-command.ts'

let project: TestProject
beforeEach(() => {
  project = newProject()
})
afterEach(() => project.remove())
const read = (file: string): string => readFileSync(join(project.root, file), 'utf8')
const init = (...args: string[]) => runCommand(project.root, ['init', '--no-install', ...args])
/** A model that adds its inputs up. */
const sumOf = (names: readonly string[]): Uint8Array =>
  onnxFile({
    nodes: [op('Sum', names, ['prediction'])],
    inputs: names.map((name) => tensorValue(name, types.float, ['rows', 1])),
    outputs: [tensorValue('prediction', types.float, ['rows', 1])],
  })
const everyFile = (): string[] =>
  readdirSync(project.root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(project.root.length + 1))
    .sort()

describe('slipway init in an empty folder', () => {
  it('writes a project, says what it guessed, and ends with what to do next', async () => {
    const { code, stdout, stderr } = await init()
    expect(code).toBe(0)
    expect(everyFile()).toEqual([
      '.github/workflows/pipelines.yml',
      '.gitignore',
      'README.md',
      'data/flats.csv',
      'package.json',
      'pipelines/rent/features.ts',
      'pipelines/rent/pipeline.test.ts',
      'pipelines/rent/pipeline.ts',
      'pipelines/rent/rows.json',
      'pipelines/rent/schema.ts',
      'tsconfig.json',
    ])
    expect(stderr).toContain('rent: it is called as such columns are. The model predicts a number')
    expect(stderr).toContain('id: left out: an identifier')
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .slice(-3)
        .map((line) => line.trim()),
    ).toEqual(['npm install', 'npx slipway up --detach', 'npx slipway run rent --wait'])
    expect(read('.gitignore').split('\n')).toEqual(expect.arrayContaining(['.slipway/', '*.key']))
    expect(JSON.parse(read('package.json'))).toMatchObject({
      type: 'module',
      scripts: { test: 'vitest run', check: 'tsc -p .' },
    })
  })

  it('copies a table from elsewhere, and keeps it out of git', async () => {
    const elsewhere = newProject()
    elsewhere.write('My Flats (new).csv', exampleTable(100))
    const { code } = await init('--from', join(elsewhere.root, 'My Flats (new).csv'), '--target', 'balcony')
    elsewhere.remove()
    expect(code).toBe(0)
    expect(read('data/my-flats-new.csv')).toBe(exampleTable(100))
    expect(read('.gitignore')).toContain('\ndata/\n')
    expect(read('pipelines/balcony/pipeline.ts')).toContain("from: 'data/my-flats-new.csv'")
  })

  it('takes versions of packages that Slipway is tested with', () => {
    const { devDependencies } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'))
    for (const [name, range] of Object.entries(developing)) expect(range).toBe(`^${devDependencies[name]}`)
  })
})

describe('templates', () => {
  it('python: a program that trains, with its packages pinned', async () => {
    expect((await init('--template', 'python')).code).toBe(0)
    expect(read('pipelines/rent/pipeline.ts')).toContain(
      "program({ command: ['python', 'train.py'], folder: './trainers/sklearn'",
    )
    expect(read('trainers/sklearn/train.py')).toBe(
      readFileSync(join(packageRoot, 'examples/trainers/sklearn/train.py'), 'utf8'),
    )
  })

  it('batch: nothing is served', async () => {
    expect((await init('--template', 'batch')).code).toBe(0)
    expect(read('pipelines/rent/pipeline.ts')).not.toContain('p.deploy')
    expect(read('README.md')).toContain('slipway batch score rent')
  })

  it('onnx: a finished model, of whose inputs each has its column', async () => {
    project.write('flats.csv', exampleTable(200))
    writeFileSync(join(project.root, 'model.onnx'), sumOf(['area_m2', 'rooms']))
    const { code, stderr } = await init('--template', 'onnx', '--model', 'model.onnx', '--from', 'flats.csv')
    expect([code, stderr]).toEqual([0, expect.stringContaining('floor: left out: the model does not take it')])
    expect(read('pipelines/rent/pipeline.ts')).toContain("learner: onnx('model.onnx')")
    expect(read('pipelines/rent/features.ts')).toMatch(/return \{\n {4}area_m2,\n {4}rooms,\n {2}\}/)
  })

  it('onnx: an input without a column is named, with the one that is meant', async () => {
    project.write('flats.csv', exampleTable(200))
    writeFileSync(join(project.root, 'model.onnx'), sumOf(['Area m2', 'rooms']))
    const { code, stderr } = await init('--template', 'onnx', '--model', 'model.onnx', '--from', 'flats.csv')
    expect([code, stderr]).toEqual([2, expect.stringContaining('rename "area_m2" in the table')])
  })
})

describe('slipway init in a repository that is there already', () => {
  beforeEach(() => {
    project.write(
      'package.json',
      '{\n    "name": "shop",\n    "scripts": { "test": "jest", "check": "eslint ." },\n    "dependencies": { "zod": "^4.1.0" }\n}\n',
    )
    project.write('.gitignore', 'dist\n/node_modules')
    project.write('README.md', '# Shop\n')
    project.write('tsconfig.json', '{ "compilerOptions": { "module": "commonjs" } }\n')
  })

  it('adds to package.json and .gitignore, and overwrites nothing', async () => {
    const { code, stdout } = await init()
    expect(code).toBe(0)
    const manifest = JSON.parse(read('package.json'))
    expect(Object.keys(manifest)).toEqual(['name', 'scripts', 'dependencies', 'devDependencies'])
    expect(manifest).toMatchObject({
      name: 'shop',
      scripts: { test: 'jest', check: 'eslint .', 'check:pipelines': 'tsc -p pipelines' },
      dependencies: { zod: '^4.1.0', slipway: expect.stringMatching(/^\^\d/) },
    })
    expect(read('package.json')).toMatch(/^\{\n {4}"name"/)
    expect(read('.gitignore')).toBe('dist\n/node_modules\n.slipway/\n.env\n*.pem\n*.key\n')
    expect(read('README.md')).toBe('# Shop\n')
    expect(read('tsconfig.json')).toContain('commonjs')
    expect(JSON.parse(read('pipelines/package.json'))).toMatchObject({ type: 'module' })
    expect(existsSync(join(project.root, 'pipelines/tsconfig.json'))).toBe(true)
    expect(read('.github/workflows/pipelines.yml')).toContain('npm run check:pipelines')
    expect(stdout).toContain('there already, and left as they are: README.md')
  })

  it('a second pipeline comes beside the first, and never in its place', async () => {
    expect((await init()).code).toBe(0)
    const before = read('pipelines/rent/features.ts')
    const again = await init()
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('pipelines/rent is there already')])
    expect(again.stderr).toContain('--name with another name')
    expect(read('pipelines/rent/features.ts')).toBe(before)
    expect((await init('--name', 'rent-2')).code).toBe(0)
    expect(JSON.parse(read('package.json')).scripts['check:pipelines']).toBe('tsc -p pipelines')
    expect(read('.gitignore').match(/\.slipway/g)).toHaveLength(1)
  })

  it.each([
    ['a package.json that is none', () => project.write('package.json', '{ oops'), 'package.json is no JSON object'],
    ['an old zod', () => project.write('package.json', '{ "dependencies": { "zod": "^3.25.0" } }'), 'zod 4'],
  ])('is not begun with %s', async (_, spoil, said) => {
    spoil()
    const before = everyFile()
    const { code, stderr } = await init()
    expect([code, stderr]).toEqual([2, expect.stringContaining(said)])
    expect(everyFile()).toEqual(before)
  })
})

describe('mistakes leave nothing behind', () => {
  it.each<[string, string[], number, RegExp]>([
    ['no such file', ['--from', 'nowhere.csv'], 10, /SOURCE_MISSING: --from nowhere.csv: there is no such file/],
    ['a folder', ['--from', 'pipelines'], 10, /it is no file/],
    ['an address', ['--from', 's3://lake/rows.csv'], 2, /a file of this machine/],
    ['a name without a format', ['--from', 'rows.xlsx'], 2, /cannot tell from the name/],
    ['an empty file', ['--from', 'empty.csv'], 10, /SOURCE_EMPTY/],
    ['an unknown target', ['--from', 'rows.csv', '--target', 'rents'], 2, /did you mean --target rent\?/],
    ['an unknown template', ['--template', 'tabula'], 2, /did you mean "tabular"\?/],
    ['a model without its template', ['--model', 'rows.csv'], 2, /a finished model/],
    ['what is no model', ['--template', 'onnx', '--model', 'rows.csv', '--from', 'rows.csv'], 2, /MODEL_INVALID/],
  ])('%s', async (_, args, exit, said) => {
    project.write('rows.csv', exampleTable(60))
    project.write('rows.xlsx', 'x')
    project.write('empty.csv', '')
    const before = everyFile()
    const { code, stderr } = await init(...args)
    expect([code, stderr]).toEqual([exit, expect.stringMatching(said)])
    expect(stderr).not.toMatch(/\n\s+at /)
    expect(everyFile()).toEqual(before)
  })

  it('a file that cannot be written takes back those before it', async () => {
    project.write('there.txt', 'before')
    mkdirSync(join(project.root, 'b/c.txt'), { recursive: true })
    const files = new Map([
      ['there.txt', 'after'],
      ['new/deep/a.txt', 'a'],
      ['b/c.txt', 'a folder is in its place'],
    ])
    await expect(writeAll(project.root, files)).rejects.toMatchObject({ code: 'EISDIR' })
    expect(read('there.txt')).toBe('before')
    expect(existsSync(join(project.root, 'new'))).toBe(false)
  })
})
