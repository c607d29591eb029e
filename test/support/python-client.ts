import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { packageRoot } from '../../lib/code/host.ts'

const execute = promisify(execFile)

/** How Python calls the command of this checkout. */
export const slipwayCommand: readonly string[] = [process.execPath, join(packageRoot, 'bin/slipway.mjs')]

/** Where Python finds the client of this checkout: it needs no installation. */
export const clientPath = join(packageRoot, 'clients/python/src')

interface Script {
  /** Executables of its environment. */
  readonly bin: string
  readonly file: string
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

/** Runs a Python program that has the client. @returns what it printed, of which the last line is its result */
export async function runPython({ bin, file, args = [], env = {}, cwd }: Script): Promise<string> {
  const { PYTHONPATH: more, ...others } = env
  const path = [clientPath, ...(more === undefined ? [] : [more])].join(':')
  const { stdout } = await execute(join(bin, 'python'), [file, ...args], {
    env: { ...process.env, ...others, PYTHONPATH: path, PYTHONDONTWRITEBYTECODE: '1' },
    maxBuffer: 2 ** 28,
    ...(cwd !== undefined && { cwd }),
  })
  return stdout
}
