import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cacheHome } from '../../workers/settings.ts'

const run = promisify(execFile)

/** A package of npm's in a project of its own, installed once for all; or why it cannot be had. */
export async function npmPackageOr(
  name: string,
  version: string,
): Promise<{ readonly root: string } | { readonly missing: string }> {
  const root = join(cacheHome(), `npm-${name}-${version}`)
  if (existsSync(root)) return { root }
  const partial = `${root}.${process.pid}`
  try {
    mkdirSync(partial, { recursive: true })
    writeFileSync(join(partial, 'package.json'), '{ "private": true }')
    await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', `${name}@${version}`], { cwd: partial })
    renameSync(partial, root)
    return { root }
  } catch (error) {
    return { missing: `${name} cannot be installed: ${(error as Error).message.split('\n').slice(0, 2).join(' ')}` }
  } finally {
    rmSync(partial, { recursive: true, force: true })
  }
}
