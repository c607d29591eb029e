import { chmodSync, cpSync, mkdirSync, renameSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hostVersions } from '../../lib/code/host.ts'
import { planPipeline } from '../../lib/code/plan.ts'
import { readProgramFolder, requireLock } from '../../lib/code/program-folder.ts'
import { stepMaterial } from '../../lib/formats/step-key.ts'
import { newProject, type TestProject, writeLoans } from '../support/project.ts'

let project: TestProject
beforeEach(() => {
  project = newProject()
  project.write('trainer/train.py', 'print("hello")\n')
  project.write('trainer/lib/rows.py', 'ROWS = 1\n')
  project.write('trainer/requirements.txt', `numpy==2.0.0 \\\n    --hash=sha256:${'0'.repeat(64)}\n`)
})
afterEach(() => project.remove())

const digest = async (folder = './trainer'): Promise<string> => (await readProgramFolder(project.root, folder)).digest

describe('the folder of a program', () => {
  it('is its files, sorted, with what is in them', async () => {
    const { bundle } = await readProgramFolder(project.root, './trainer')
    expect(Object.keys(bundle.files)).toEqual(['lib/rows.py', 'requirements.txt', 'train.py'])
    expect(bundle.files['train.py']?.size).toBe(15)
  })

  it('has another digest when a byte, a name or the right to execute changes, and only then', async () => {
    const before = await digest()
    utimesSync(join(project.root, 'trainer/train.py'), 1, 1)
    mkdirSync(join(project.root, 'trainer/empty'))
    expect(await digest()).toBe(before)
    cpSync(join(project.root, 'trainer'), join(project.root, 'elsewhere'), { recursive: true })
    expect(await digest('elsewhere')).toBe(before)

    project.write('elsewhere/lib/rows.py', 'ROWS = 2\n')
    project.write('named/x', '')
    const others = [await digest('elsewhere')]
    project.write('elsewhere/lib/rows.py', 'ROWS = 1\n')
    chmodSync(join(project.root, 'elsewhere/train.py'), 0o755)
    others.push(await digest('elsewhere'))
    chmodSync(join(project.root, 'elsewhere/train.py'), 0o644)
    renameSync(join(project.root, 'elsewhere/train.py'), join(project.root, 'elsewhere/fit.py'))
    others.push(await digest('elsewhere'))
    expect(new Set([before, ...others]).size).toBe(4)
  })

  it('has nothing in it that tools leave there, nor where secrets usually are', async () => {
    const before = await digest()
    for (const file of [
      '__pycache__/train.cpython-311.pyc',
      '.venv/bin/python',
      '.git/HEAD',
      'lib/old.pyc',
      '.env',
      '.env.local',
    ])
      project.write(`trainer/${file}`, 'x')
    expect(await digest()).toBe(before)
  })

  it.each([
    ['is missing', './nowhere', 'is not there'],
    ['is a file', './trainer/train.py', 'is not there'],
    ['is empty', './empty', 'is empty'],
    ['lies outside', '..', 'does not lie in the project'],
    ['is the project', '.', 'does not lie in the project'],
    ['is reached by a link that leads out', './linked', 'does not lie in the project'],
    ['holds a link that leads out', './linking', 'holds a link out of it, hosts'],
  ])('is refused where it %s', async (_, folder, words) => {
    mkdirSync(join(project.root, 'empty'))
    mkdirSync(join(project.root, 'linking'))
    symlinkSync('/etc', join(project.root, 'linked'))
    symlinkSync('/etc/hosts', join(project.root, 'linking/hosts'))
    await expect(readProgramFolder(project.root, folder)).rejects.toMatchObject({
      code: 'DEFINITION_INVALID',
      message: expect.stringContaining(words),
    })
  })

  it.each([
    ['without a digest', 'numpy==2.0.0\n', 'does not pin "numpy==2.0.0"'],
    ['of nothing', '# nothing\n', 'names nothing'],
  ])('has no lock %s', async (_, lock, words) => {
    const of = async (): Promise<void> => requireLock(await readProgramFolder(project.root, './trainer'))
    await of()
    writeFileSync(join(project.root, 'trainer/requirements.txt'), lock)
    await expect(of()).rejects.toThrow(words)
  })
})

describe('a plan with a program', () => {
  const planned = async (learner: string) => {
    writeLoans(project, { learner })
    const file = 'pipelines/loans/pipeline.ts'
    const { readFileSync } = await import('node:fs')
    project.write(file, readFileSync(join(project.root, file), 'utf8').replace('slice, trees }', 'program, slice }'))
    const { plan, folders } = await planPipeline(project.root, 'loans', hostVersions())
    const train = plan.steps.find((step) => step.kind === 'train')
    if (train?.kind !== 'train') throw new Error('the plan has no train step')
    return { train, folders, key: JSON.stringify(stepMaterial(train, {}, hostVersions())) }
  }

  it('names its files, and its key depends on them and on what it is told, not on where it lies and what it may take', async () => {
    const first = await planned("program({ command: ['python3', 'train.py'], folder: './trainer' })")
    expect(first.train.learner).toMatchObject({ kind: 'program', files: first.folders?.[0]?.digest })
    cpSync(join(project.root, 'trainer'), join(project.root, 'moved'), { recursive: true })
    const same = await planned(
      "program({ command: ['python3', 'train.py'], folder: 'moved', timeout: '5m', memory: '2GB', disk: '1GB' })",
    )
    expect(same.key).toBe(first.key)
    const keys = [first.key]
    for (const changed of [
      'hyperparameters: { depth: 3 }',
      "data: 'parquet'",
      'deterministic: false',
      "environment: 'pip'",
    ])
      keys.push((await planned(`program({ command: ['python3', 'train.py'], folder: 'moved', ${changed} })`)).key)
    project.write('moved/train.py', 'print("other")\n')
    keys.push((await planned("program({ command: ['python3', 'train.py'], folder: 'moved' })")).key)
    expect(new Set(keys).size).toBe(6)
  })

  it('is refused with words where something is wrong with it', async () => {
    await expect(planned("program({ command: ['x'], folder: './nowhere' })")).rejects.toThrow('./nowhere is not there')
    await expect(planned("program({ command: ['x'], folder: './trainer', timeout: '2 days' })")).rejects.toThrow(
      '"2 days" is no duration',
    )
    await expect(planned("program({ command: ['x'], folder: './trainer', memory: '4 gigs' })")).rejects.toThrow(
      '"4 gigs" is no size',
    )
    project.write('trainer/requirements.txt', 'numpy\n')
    await expect(planned("program({ command: ['x'], folder: './trainer', environment: 'uv' })")).rejects.toThrow(
      'does not pin "numpy" by --hash',
    )
  })
})
