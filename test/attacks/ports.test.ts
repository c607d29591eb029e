import { readFileSync, readlinkSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { attackedRoot } from '../support/attacked.ts'
import { beginSlipway } from '../support/cli.ts'
import { type Listening, portsOf, socketFilesOf } from '../support/listening.ts'
import { processesOf } from '../support/processes.ts'
import { newProject } from '../support/project.ts'
import { answersAt } from '../support/stranger-at-port.ts'

const project = newProject()
const slipway = (...args: string[]) =>
  beginSlipway(project.root, args, { SLIPWAY_GATEWAY_TOKENS: join(project.root, 'tokens') }, attackedRoot).result
let ports: (Listening & { readonly door: string })[] = []

beforeAll(async () => {
  project.write('tokens', 'only-who-knows-it\n')
  const up = await slipway('up', '--detach')
  expect(up, up.stderr).toMatchObject({ code: 0 })
  ports = portsOf(processesOf(project.root)).map((port) => ({ ...port, door: doorOf(port) }))
})
afterAll(async () => {
  await slipway('down')
  project.remove()
})

/** Whose port it is, by its process' command line and environment: `weed mini -filer.port`. */
function doorOf({ pid, port }: Listening): string {
  const read = (file: string) => readFileSync(`/proc/${pid}/${file}`, 'utf8').split('\0')
  const words = read('cmdline')
  const name = words
    .map((word) => /(?:^|\/)(weed|temporal|worker|gateway|console|cli)(?:\.js)?$/.exec(word)?.[1])
    .find(Boolean)
  const told = [
    ...words.map((word, at) => (word.startsWith('--') ? `${word}=${words[at + 1]}` : word)),
    ...read('environ'),
  ]
  const flag = told.find((word) => word.endsWith(`=${port}`))?.split('=')[0]
  return `${name ?? words.join(' ')} ${flag ?? 'at a port that it chose'}`
}

/** Every port, and what it answers to anybody, as docs/security.md says: nothing, what is listed, reading, anything. */
const doors: Readonly<Record<string, readonly string[] | 'reading' | 'anything'>> = {
  'weed -master.port': [],
  'weed -master.port.grpc': [],
  'weed -volume.port': [],
  'weed -volume.port.grpc': [],
  'weed -filer.port': [],
  'weed -filer.port.grpc': [],
  'weed -admin.port': [],
  'weed -admin.port.grpc': [],
  'weed -s3.port.grpc': [],
  'weed -s3.port': ['GET /healthz 200', 'GET /status 200'],
  'temporal --port': 'anything',
  'temporal --ui-port': 'anything',
  'temporal at a port that it chose': 'anything',
  'gateway SLIPWAY_GATEWAY_PORT': ['GET /v2/health/live 200'],
  'gateway SLIPWAY_GRPC_PORT': ['gRPC /grpc.health.v1.Health/Check 0'],
  'console SLIPWAY_CONSOLE_PORT': 'reading',
}

describe('a user of this machine without credentials', () => {
  it('finds no port of the platform that is not named here, and none of them from another machine', () => {
    expect([...new Set(ports.map(({ door }) => door))].sort()).toEqual(Object.keys(doors).sort())
    expect(ports.filter(({ door }) => door === 'temporal at a port that it chose').length).toBe(5)
    expect([...new Set(ports.map(({ address }) => address))]).toEqual(['127.0.0.1'])
  })

  it.each(Object.entries(doors).filter(([, answers]) => answers !== 'anything'))(
    'neither reads nor writes at %s',
    async (door, answers) => {
      const port = ports.find((each) => each.door === door)?.port
      const answered = await answersAt(port as number)
      if (answers === 'reading') expect(answered.filter((answer) => !answer.startsWith('GET '))).toEqual([])
      else expect(answered).toEqual(answers)
    },
  )

  it('would be answered there with the certificate that the store keeps to itself', async () => {
    const pem = readFileSync(join(project.root, '.slipway/keys/store-tls.pem'), 'utf8')
    const at = (door: string) =>
      answersAt(ports.find((each) => each.door === door)?.port as number, { cert: pem, key: pem })
    expect(await at('weed -master.port.grpc')).toContain('gRPC /master_pb.Seaweed/Assign 0')
    expect(await at('weed -filer.port.grpc')).toContain('gRPC /filer_pb.SeaweedFiler/KvPut 0')
    expect(await at('weed -volume.port')).toContain('GET /status 200')
  })

  it('cannot connect to a socket of its files', () => {
    const open = socketFilesOf(processesOf(project.root))
      .map(({ pid, file }) => resolve(readlinkSync(`/proc/${pid}/cwd`), file))
      .filter((file) => [file, dirname(file)].every((path) => (statSync(path).mode & 0o007) !== 0))
    expect(open).toEqual([])
  })
})
