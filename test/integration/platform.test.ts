import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { withStartLock } from '../../workers/platform/start-lock.ts'
import { eventually } from '../support/gateways.ts'
import { processesOf } from '../support/processes.ts'
import { newProject } from '../support/project.ts'
import { runCommand as slipway } from '../support/run-command.ts'

const project = newProject()
const status = async () => JSON.parse((await slipway(project.root, ['status', '--json'])).stdout)
let blockers: Server[] = []

beforeAll(async () => {
  // The usual ports are taken, here by us; not while a server of another test has chosen one and does not have it yet.
  blockers = await withStartLock(() =>
    Promise.all(
      [7233, 8233, 8333].map(
        (port) =>
          new Promise<Server>((resolve) => {
            const server = createServer()
            server.once('error', () => resolve(server))
            server.listen(port, '127.0.0.1', () => resolve(server))
          }),
      ),
    ),
  )
  // A folder that an older version left, and a user whose files everybody may read unless a program sees to it.
  mkdirSync(join(project.root, '.slipway'))
  chmodSync(join(project.root, '.slipway'), 0o755)
  const umask = process.umask(0)
  const up = await slipway(project.root, ['up', '--detach'])
  process.umask(umask)
  expect(up, up.stderr).toMatchObject({ code: 0 })
})
afterAll(async () => {
  await slipway(project.root, ['down'])
  for (const server of blockers) server.close()
  project.remove()
})

describe('the platform', () => {
  it('takes other ports when the usual ones are taken, all on this machine only', async () => {
    const { temporal, temporalUi, s3 } = await status()
    for (const [address, taken] of [
      [temporal, 7233],
      [temporalUi, 8233],
      [s3, 8333],
    ] as const) {
      expect(address).toMatch(/127\.0\.0\.1:\d+$/)
      expect(address).not.toMatch(new RegExp(`:${taken}$`))
    }
    expect((await fetch(temporalUi)).status).toBe(200)
  })

  it('keeps all it writes to its owner, whatever the umask, and out of git', async () => {
    const folder = join(project.root, '.slipway')
    const all = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    for (const file of ['s3.json', 's3-server.json', 'filer.json', 'store-tls.pem', 'signing.pem'])
      expect(all).toContain(`keys/${file}`)
    // SeaweedFS gives the notes on its volumes a mode of their own, in a folder that nobody else may enter.
    const open = ['.', ...all].filter(
      (file) => !/^s3\/.*\.vif$/.test(file) && (statSync(join(folder, file)).mode & 0o077) !== 0,
    )
    expect(open).toEqual([])
    const { worker } = await status()
    const scratch = readdirSync(tmpdir()).filter((name) => name.startsWith(`slipway-scratch-${worker}-`))
    expect(scratch.map((name) => statSync(join(tmpdir(), name)).mode & 0o077)).toEqual([0])
    execFileSync('git', ['init', '--quiet'], { cwd: project.root })
    const seen = execFileSync('git', ['status', '--porcelain', '--ignored=no'], { cwd: project.root, encoding: 'utf8' })
    expect(seen).not.toContain('.slipway')
  })

  it('has its secrets in no log and on no command line', () => {
    const keys = join(project.root, '.slipway/keys')
    const secrets = ['s3.json', 'filer.json'].flatMap((file) =>
      Object.values(JSON.parse(readFileSync(join(keys, file), 'utf8')) as Record<string, string>),
    )
    secrets.push(readFileSync(join(project.root, '.slipway/console.token'), 'utf8').trim())
    expect(secrets.length).toBe(7)
    const logs = readdirSync(join(project.root, '.slipway/logs'))
    expect(logs.sort()).toEqual(['console.log', 'gateway.log', 'platform.log', 's3.log', 'temporal.log', 'worker.log'])
    const said = [
      ...logs.map((log) => readFileSync(join(project.root, '.slipway/logs', log), 'utf8')),
      ...processesOf(project.root).map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8')),
    ].join('\n')
    expect(secrets.filter((secret) => said.includes(secret))).toEqual([])
  })

  it('is found by a second up, and by status in a folder below', async () => {
    const before = await status()
    const second = await slipway(project.root, ['up', '--json'])
    expect(second).toMatchObject({ code: 0 })
    expect(JSON.parse(second.stdout)).toEqual(before)
    expect(JSON.parse((await slipway(join(project.root, 'pipelines'), ['status', '--json'])).stdout)).toEqual(before)
  })

  it('comes back at the same addresses after down', async () => {
    const { temporal, s3 } = await status()
    expect(await slipway(project.root, ['down'])).toMatchObject({ code: 0 })
    expect(await status()).toEqual({ running: false })
    expect(processesOf(project.root)).toEqual([])
    expect((await slipway(project.root, ['up', '--detach'])).code).toBe(0)
    expect(await status()).toMatchObject({ temporal, s3 })
  })

  it('ends its servers and worker when it is killed itself, and starts again after that', async () => {
    const { pid } = await status()
    expect(processesOf(project.root).length).toBeGreaterThan(3)
    process.kill(pid, 'SIGKILL')
    await eventually(() => processesOf(project.root).length === 0)
    expect(await status()).toEqual({ running: false })
    expect((await slipway(project.root, ['up', '--detach'])).code).toBe(0)
  })
  it('whose store was lost says so, and goes on with a new one only when it is told to', async () => {
    await slipway(project.root, ['down'])
    rmSync(join(project.root, '.slipway/s3'), { recursive: true })
    const refused = await slipway(project.root, ['up', '--detach'])
    expect(refused, refused.stderr).toMatchObject({ code: 20 })
    expect(refused.stderr).toMatch(/STORE_CHANGED: .* the one that was there before/s)
    expect(refused.stderr).toContain('slipway up --adopt-store')
    expect((await slipway(project.root, ['up', '--detach', '--adopt-store'])).code).toBe(0)
    await slipway(project.root, ['down'])
    expect((await slipway(project.root, ['up', '--detach'])).code).toBe(0)
  })
})
