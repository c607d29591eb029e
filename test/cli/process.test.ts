import { spawn } from 'node:child_process'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { newProject, type TestProject } from '../support/project.ts'

/** A store that takes connections and never answers. */
let silent: Server
let project: TestProject
beforeAll(async () => {
  project = newProject()
  silent = createServer(() => {})
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
})
afterAll(() => {
  silent.close()
  project.remove()
})

/** A command as a process of its own. */
function begin(...args: string[]) {
  const { port } = silent.address() as { port: number }
  const env = { TEMPORAL_ADDRESS: '127.0.0.1:9', S3_ENDPOINT: `http://127.0.0.1:${port}` }
  const child = spawn(process.execPath, [join(packageRoot, 'bin/slipway.mjs'), ...args], {
    cwd: project.root,
    env: { ...process.env, ...env, AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let stdout = ''
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  const ended = new Promise<{ code: number | null; stdout: string }>((resolve) =>
    child.once('close', (code) => resolve({ code, stdout })),
  )
  return { child, ended }
}

describe('a command as a process', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'that gets %s while a server does not answer says so in its document',
    async (signal) => {
      const { child, ended } = begin('runs', '--json')
      silent.once('connection', () => child.kill(signal))
      const { code, stdout } = await ended
      expect(code).toBe(130)
      expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'INTERRUPTED' }, exitCode: 130 })
    },
  )
})
