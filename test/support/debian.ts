import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cacheHome } from '../../workers/settings.ts'

const run = promisify(execFile)

/**
 * The files of a Debian package, unpacked once for all projects; nothing is installed on the machine.
 * @param version pinned, as `apt-cache policy` shows it
 * @returns the folder that stands for `/`
 * @throws when it cannot be had here
 */
export async function debianPackage(name: string, version: string): Promise<string> {
  const folder = join(cacheHome(), `debian-${name}-${version}`)
  if (existsSync(folder)) return folder
  const partial = `${folder}.${process.pid}`
  mkdirSync(partial, { recursive: true })
  try {
    await run('apt-get', ['download', '-qq', `${name}=${version}`], { cwd: partial })
    const [file] = (await run('sh', ['-c', 'ls *.deb'], { cwd: partial })).stdout.split('\n')
    await run('dpkg-deb', ['-x', join(partial, file ?? ''), join(partial, 'root')])
    renameSync(join(partial, 'root'), folder)
    return folder
  } finally {
    rmSync(partial, { recursive: true, force: true })
  }
}
