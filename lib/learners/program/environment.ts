import { execFile } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm, symlink } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { lockFile } from '../../code/program-folder.ts'
import { SlipwayError } from '../../formats/errors.ts'
import type { ProgramLearner } from '../../formats/learner.ts'
import { requireProgram } from './command.ts'
import { runGuarded } from './guarded.ts'
import { markNew, removeOld, takeKept } from './kept-environments.ts'

export interface EnvironmentOrder {
  readonly made: ProgramLearner['environment']
  /** The program's files, the lock among them. */
  readonly code: string
  /** Folder of all environments of this worker. */
  readonly environments: string
  /** File for what installing says. */
  readonly log: string
}

/** Bounds of what is installed. */
const installing = { timeoutMs: 3_600_000, diskBytes: 30e9 }

/** Where a program finds its interpreter and its packages. */
export interface UsedEnvironment {
  readonly path: string
  /** To be called when the program has ended: until then the environment is kept. */
  release(): void
}

/**
 * Takes an environment into use that is made from a program's lock, once for every lock, interpreter and kind of
 * machine. It appears whole, under its name, or not at all.
 * @returns PATH for the program
 * @throws SlipwayError ENVIRONMENT_FAILED, PROGRAM_FAILED where what makes environments is not installed
 */
export async function useEnvironment(
  { made, code, environments, log }: EnvironmentOrder,
  onLine: (line: string) => void,
): Promise<UsedEnvironment> {
  const path = process.env.PATH ?? '/usr/bin:/bin'
  if (made === 'none') return { path, release: () => {} }
  requireProgram('python3', path, code)
  if (made === 'uv') requireProgram('uv', path, code)
  const lock = await readFile(join(code, lockFile))
  const { stdout: interpreter } = await promisify(execFile)('python3', [
    '-c',
    'import platform, sys; print(sys.version, sys.executable, platform.platform())',
  ])
  const name = createHash('sha256').update(made).update(interpreter).update(lock).digest('hex')
  const place = join(environments, name)
  const withPlace = [join(place, 'bin'), path].join(delimiter)
  for (;;) {
    const release = await takeKept(place)
    if (release !== undefined) return { path: withPlace, release }
    await make({ made, code, environments, log }, name, onLine)
  }
}

async function make(
  { made, code, environments, log }: EnvironmentOrder,
  name: string,
  onLine: (line: string) => void,
): Promise<void> {
  await mkdir(environments, { recursive: true, mode: 0o700 })
  // Environments know where they lie: the folder keeps its name, and a link to it is what appears.
  const folder = join(environments, `${name}.${randomUUID().slice(0, 8)}`)
  await mkdir(folder, { mode: 0o700 })
  try {
    for (const command of commandsFor(made, folder, join(code, lockFile))) await install(command, folder, log, onLine)
    await markNew(folder)
    const link = `${folder}.link`
    await symlink(folder, link)
    // Of two that made the same, the later one is used; the other stays for who runs in it, and is stale one day.
    await rename(link, join(environments, name))
  } catch (error) {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    throw error
  }
  await removeOld(environments)
}

function commandsFor(made: ProgramLearner['environment'], folder: string, lock: string): string[][] {
  if (made === 'uv')
    return [
      ['uv', 'venv', '--allow-existing', '--python', 'python3', folder],
      ['uv', 'pip', 'install', '--python', join(folder, 'bin/python'), '--require-hashes', '-r', lock],
    ]
  return [
    ['python3', '-m', 'venv', folder],
    [join(folder, 'bin/python'), '-m', 'pip', 'install', '--require-hashes', '--no-input', '-r', lock],
  ]
}

async function install(
  command: readonly string[],
  folder: string,
  log: string,
  onLine: (line: string) => void,
): Promise<void> {
  const ended = await runGuarded(
    {
      command,
      workingFolder: folder,
      env: installersEnvironment(),
      folder,
      log: { file: log, bytes: 1e6, metrics: [] },
      limits: installing,
    },
    onLine,
  )
  if (ended.exitCode === 0) return
  const said = (await readFile(log, 'utf8')).trimEnd().split('\n').slice(-8).join('\n')
  const why = ended.limit === undefined ? `ended with ${ended.exitCode ?? ended.signal}` : 'took too much time or room'
  throw new SlipwayError('ENVIRONMENT_FAILED', `${command.slice(0, 3).join(' ')} … ${why}\n${said}`, {
    next: `correct ${lockFile} in the program's folder`,
  })
}

/**
 * Installers find their index, their cache and the way out as they do by hand. The program itself is not told of these.
 */
function installersEnvironment(): Record<string, string> {
  const allowed =
    /^(PATH|HOME|LANG|LC_[A-Z]+|TMPDIR|PIP_.*|UV_.*|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|(https?|no|all)_proxy)$/i
  return Object.fromEntries(
    Object.entries(process.env).filter(([name, value]) => allowed.test(name) && value !== undefined),
  ) as Record<string, string>
}
