import { execFile, execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'

const run = promisify(execFile)
const clone = mkdtempSync(join(tmpdir(), 'slipway-install-'))
afterAll(() => rmSync(clone, { recursive: true, force: true }))

it('npm ci in an empty folder brings all that the command needs', async () => {
  const files = execFileSync('git', ['ls-files'], { cwd: packageRoot, encoding: 'utf8' }).trim().split('\n')
  for (const file of files) {
    mkdirSync(dirname(join(clone, file)), { recursive: true })
    cpSync(join(packageRoot, file), join(clone, file))
  }
  await run('npm', ['ci', '--no-progress'], { cwd: clone })
  const { stdout } = await run('npx', ['slipway', 'plan', 'flights', '--help'], { cwd: clone })
  expect(stdout).toContain('what a run would do now')
})
