import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { say } from '../output.ts'
import type { Manager } from './managers.ts'

/** Whether a package can be found from a folder. */
const isInstalled = (root: string, name: string): boolean =>
  existsSync(join(root, 'node_modules', name, 'package.json'))

/**
 * Installs the packages that are missing.
 * @returns whether all are there
 */
export async function install(root: string, manager: Manager, names: readonly string[]): Promise<boolean> {
  if (names.every((name) => isInstalled(root, name))) return true
  say(`${[manager.name, ...manager.install].join(' ')} …`)
  const child = spawn(manager.name, manager.install, {
    cwd: root,
    // Standard output is for the result.
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  })
  const code = await new Promise<number | null>((done) => {
    child.once('error', () => done(-1))
    child.once('close', done)
  })
  return code === 0 && names.every((name) => isInstalled(root, name))
}
