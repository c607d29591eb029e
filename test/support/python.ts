import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { cacheHome } from '../../workers/settings.ts'

const run = promisify(execFile)

/**
 * A Python environment with pinned packages, installed once for all projects: the digest of what is pinned names the
 * place.
 * @param options of `pip install`
 * @returns its folder of executables
 */
export async function pythonEnvironment(requirements: string, ...options: readonly string[]): Promise<string> {
  const lock = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12)
  const folder = join(cacheHome(), `python-${lock}`)
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

/** The same, or why it cannot be had: then what needs it is skipped with that reason. */
export async function pythonEnvironmentOr(
  requirements: string,
  ...options: readonly string[]
): Promise<{ readonly bin: string } | { readonly missing: string }> {
  try {
    return { bin: await pythonEnvironment(requirements, ...options) }
  } catch (error) {
    const reason = (error as Error).message.split('\n').slice(0, 2).join(' ')
    return { missing: `what ${basename(requirements)} names cannot be installed: ${reason}` }
  }
}
