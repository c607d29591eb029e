import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { program } from '../../lib/definition/learners.ts'
import { removeOld, takeKept } from '../../lib/learners/program/kept-environments.ts'
import { programLearner } from '../../lib/learners/program/learner.ts'
import { placeFor } from '../support/programs.ts'

/*
 * Environments of programs: made once for a lock, whole or not at all, and bounded; the one that somebody runs in is
 * never taken from under him.
 */
let environments: string
/** What somebody else does just before the next call of that name, once. */
const meanwhile: { writeFile?: (() => void) | undefined; unlink?: (() => void) | undefined } = {}
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>()
  const happening = <F extends (...given: never[]) => unknown>(name: keyof typeof meanwhile, call: F): F =>
    ((...given: Parameters<F>) => {
      const happens = meanwhile[name]
      meanwhile[name] = undefined
      happens?.()
      return call(...given)
    }) as F
  return {
    ...real,
    writeFile: happening('writeFile', real.writeFile),
    unlink: happening('unlink', real.unlink),
  }
})
beforeEach(() => {
  environments = mkdtempSync(join(tmpdir(), 'slipway-environments-'))
})
afterEach(() => rmSync(environments, { recursive: true, force: true }))

describe('an environment that is made from a lock', () => {
  /** Trains by a program that says where its interpreter is, and ends badly: there is nothing to learn. */
  async function where(lock: string): Promise<{ said: string; isMade: boolean }> {
    const place = placeFor({ 'requirements.txt': lock, 'train.py': 'import sys; sys.exit(f"in {sys.prefix}")' })
    onTestFinished(place.remove)
    const parameters = program({ command: ['python', 'train.py'], folder: '.', environment: 'pip' })
    const rows = { features: [Float32Array.of(1)], labels: Float64Array.of(1) }
    const order = { model: 'm', task: 'regression' as const, seed: 1, threads: 1, train: rows, validation: rows }
    const inputs = [{ name: 'x', kind: 'number' as const }]
    const error = await programLearner
      .train({ ...order, inputs, parameters, place: { ...place, environments } }, () => {})
      .then(
        () => undefined,
        (error) => error,
      )
    return { said: `${error?.code}: ${error?.message}`, isMade: existsSync(`${place.log}.environment`) }
  }

  it('is used again, made anew for another lock, and leaves nothing where it cannot be made', async () => {
    const first = await where('# nothing to install\n')
    expect(first).toMatchObject({ isMade: true, said: expect.stringContaining(`in ${environments}`) })
    const made = readdirSync(environments)
    expect(made).toHaveLength(2)

    expect(await where('# nothing to install\n')).toEqual({ ...first, isMade: false, said: afterTime(first.said) })
    expect(readdirSync(environments)).toEqual(made)

    const broken = await where('--no-such-option\n')
    expect(broken.said).toMatch(/^ENVIRONMENT_FAILED: .*-m pip install|^ENVIRONMENT_FAILED: .*bin\/python -m pip/)
    expect(readdirSync(environments)).toEqual(made)

    const other = await where('# nothing to install either\n')
    expect(other.isMade).toBe(true)
    expect(other.said).not.toBe(first.said)
    expect(readdirSync(environments)).toHaveLength(4)
  })

  /** The log in an error has its time. */
  const afterTime = (said: string) => expect.stringContaining(said.slice(said.indexOf('in /')))
})

describe('the room for environments', () => {
  const minute = 60_000

  /** An environment of a thousand bytes that was used some minutes ago. */
  function keep(name: string, minutesAgo: number): string {
    const folder = join(environments, `${name}.12345678`)
    mkdirSync(folder)
    writeFileSync(join(folder, '.size'), '1000')
    use(folder, minutesAgo)
    symlinkSync(folder, join(environments, name))
    return folder
  }
  function use(folder: string, minutesAgo: number): void {
    const then = new Date(Date.now() - minutesAgo * minute)
    writeFileSync(join(folder, '.used'), '')
    utimesSync(join(folder, '.used'), then, then)
  }
  const kept = (): string[] => readdirSync(environments).filter((name) => !name.includes('.'))

  it('is kept by removing those that were not used for longest, and no more than it takes', async () => {
    for (const [name, minutesAgo] of [
      ['c', 300],
      ['a', 200],
      ['d', 100],
      ['b', 60],
    ] as const)
      keep(name, minutesAgo)
    await removeOld(environments, 4_000)
    expect(kept()).toEqual(['a', 'b', 'c', 'd'])
    await removeOld(environments, 2_500)
    expect(kept()).toEqual(['b', 'd'])
    expect(readdirSync(environments)).toHaveLength(4)
  })

  it('is exceeded rather than an environment removed that is in use', async () => {
    keep('a', 100)
    keep('b', 100)
    const release = await takeKept(join(environments, 'a'))
    await removeOld(environments, 0)
    expect(kept()).toEqual(['a'])
    release?.()
  })

  it('is had again when who ran in one was killed: he no longer says that he uses it', async () => {
    const folder = keep('a', 100)
    await takeKept(join(environments, 'a'))
    await removeOld(environments, 0)
    expect(kept()).toEqual(['a'])
    use(folder, 11)
    await removeOld(environments, 0)
    expect(kept()).toEqual([])
  })

  it('is made so that whoever takes one as it is removed has it whole or not at all', async () => {
    // Its link goes between the first look of who takes it and his word that he uses it.
    keep('a', 100)
    meanwhile.writeFile = () => rmSync(join(environments, 'a'))
    expect(await takeKept(join(environments, 'a'))).toBeUndefined()

    // Somebody says that he uses it just before its link goes: he has seen that.
    const folder = keep('b', 100)
    meanwhile.unlink = () => use(folder, 0)
    await removeOld(environments, 0)
    expect(existsSync(join(folder, '.size'))).toBe(true)
  })

  it('is not taken by what was left behind, nor is what is being made taken for that', async () => {
    const left = join(environments, 'a.00000000')
    const beingMade = join(environments, 'b.00000000')
    for (const folder of [left, beingMade]) mkdirSync(folder)
    const then = new Date(Date.now() - 25 * 60 * minute)
    utimesSync(left, then, then)
    await removeOld(environments)
    expect(readdirSync(environments)).toEqual(['b.00000000'])
  })

  it('is given to what a folder of 0.10 takes, which says neither its size nor when it was used', async () => {
    const folder = join(environments, 'a.00000000')
    mkdirSync(join(folder, 'bin'), { recursive: true })
    writeFileSync(join(folder, 'bin/python'), Buffer.alloc(100_000))
    symlinkSync(folder, join(environments, 'a'))
    const then = new Date(Date.now() - 60 * minute)
    utimesSync(folder, then, then)
    await removeOld(environments, 1_000_000)
    expect(kept()).toEqual(['a'])
    await removeOld(environments, 50_000)
    expect(readdirSync(environments)).toEqual([])
  })
})
