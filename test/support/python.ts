import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cacheHome } from '../../workers/settings.ts'

const run = promisify(execFile)

/**
 * A Python environment with pinned packages, installed once for all projects: what is pinned names the place.
 * @param options of `pip install`
 * @returns its folder of executables
 */
export async function pythonEnvironment(requirements: string, ...options: readonly string[]): Promise<string> {
  const pinned = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12)
  const folder = join(cacheHome(), `python-${pinned}`)
  const bin = join(folder, 'bin')
  if (existsSync(join(folder, 'complete'))) return bin
  mkdirSync(cacheHome(), { recursive: true })
  await run('python3', ['-m', 'venv', '--clear', folder])
  // An old pip takes minutes to find versions that fit.
  await run(join(bin, 'python'), ['-m', 'pip', 'install', '--quiet', '--upgrade', 'pip'])
  await run(join(bin, 'python'), ['-m', 'pip', 'install', '--quiet', ...options, '-r', requirements])
  writeFileSync(join(folder, 'complete'), '')
  return bin
}
