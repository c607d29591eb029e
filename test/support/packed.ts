import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { packageRoot } from '../../lib/code/host.ts'
import { npmPackageOr } from './npm-packages.ts'

const run = promisify(execFile)

/** What a command came to, whether it failed or not. */
export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end, in a folder of somebody who knows nothing of this repository. */
export async function runThere(
  folder: string,
  [program, ...args]: readonly [string, ...string[]],
  env: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  const { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: _, ...own } = process.env
  try {
    const { stdout, stderr } = await run(program, args, {
      cwd: folder,
      env: { ...own, ...env },
      maxBuffer: 64 * 1024 * 1024,
    })
    return { code: 0, stdout, stderr }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
    return { code, stdout, stderr }
  }
}

/** The same, where it has to succeed. @returns its standard output */
export async function mustRun(...order: Parameters<typeof runThere>): Promise<string> {
  const { code, stdout, stderr } = await runThere(...order)
  if (code !== 0) throw new Error(`${order[1].join(' ')} ended with ${code}:\n${stdout}\n${stderr}`)
  return stdout
}

/** Versions that this repository pins, for a project of its own. */
export function pinned(...names: readonly string[]): Record<string, string> {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'))
  return Object.fromEntries(names.map((name) => [name, { ...dependencies, ...devDependencies }[name]]))
}

/** The folder of a release of Node, of npm's packages of it: to be first in `PATH`. */
export async function nodeOfRelease(release: string): Promise<string> {
  const found = await npmPackageOr(`node-${process.platform}-${process.arch}`, release)
  if ('missing' in found) throw new Error(found.missing)
  return join(found.root, `node_modules/node-${process.platform}-${process.arch}/bin`)
}

/**
 * Packs an earlier revision of this repository as it was packed then.
 * @param revision a commit
 * @param folder for its files
 * @returns the tarball's path
 */
export async function packedRevision(revision: string, folder: string): Promise<string> {
  mkdirSync(folder, { recursive: true })
  const archive = `git -C '${packageRoot}' archive ${revision} | tar -x -C '${folder}'`
  await mustRun(folder, ['bash', '-o', 'pipefail', '-c', archive])
  if (!existsSync(join(folder, 'node_modules')))
    symlinkSync(join(packageRoot, 'node_modules'), join(folder, 'node_modules'))
  await mustRun(folder, [process.execPath, 'scripts/build.mjs'])
  const name = await mustRun(folder, ['npm', 'pack', '--silent', '--ignore-scripts'])
  return join(folder, name.trim())
}
