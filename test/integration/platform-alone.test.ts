import { existsSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { findTemporal } from '../../workers/platform/binaries.ts'
import { cacheHome } from '../../workers/settings.ts'
import { beginSlipway, expectUserError } from '../support/cli.ts'
import { processesOf } from '../support/processes.ts'
import { newProject } from '../support/project.ts'
import { runCommand as slipway } from '../support/run-command.ts'

it('a platform ends everything after Ctrl-C in the foreground', async () => {
  const project = newProject()
  const platform = beginSlipway(project.root, ['up'])
  await platform.said('Ctrl-C stops it')
  platform.interrupt()
  expect((await platform.result).code).toBe(130)
  expect(processesOf(project.root)).toEqual([])
  project.remove()
})

describe('a server that cannot be had', () => {
  it('is said with the choices', async () => {
    const other = newProject()
    const message = expectUserError(
      await slipway(other.root, ['up'], { TEMPORAL_CLI_PATH: '/nowhere/temporal' }),
      20,
      'PLATFORM_MISSING',
    )
    expect(message).toContain('TEMPORAL_CLI_PATH names /nowhere/temporal')
    expect(existsSync(join(other.root, '.slipway/platform.lock'))).toBe(false)
    other.remove()
  })

  it('is looked for in the documented order', async () => {
    const env = { PATH: join(packageRoot, 'node_modules/.bin'), TEMPORAL_CLI_PATH: process.execPath }
    expect(await findTemporal(cacheHome(), () => {}, env)).toEqual({
      path: process.execPath,
      from: 'TEMPORAL_CLI_PATH',
    })
    expect(await findTemporal(cacheHome(), () => {}, { PATH: '/nowhere' })).toMatchObject({ from: 'the cached copy' })
    const empty = mkdtempSync(join(tmpdir(), 'slipway-cache-'))
    const error = await findTemporal(empty, () => {}, {
      PATH: '/nowhere',
      TEMPORAL_CLI_PATH: join(empty, 'none'),
    }).catch((reason) => reason)
    expect(error).toMatchObject({ code: 'PLATFORM_MISSING' })
  })
})
