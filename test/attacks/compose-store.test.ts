import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parse } from 'yaml'
import { packageRoot } from '../../lib/code/host.ts'
import { findSeaweed } from '../../workers/platform/binaries.ts'
import { type Child, startChild } from '../../workers/platform/child.ts'
import { freePort } from '../../workers/platform/servers.ts'
import { cacheHome } from '../../workers/settings.ts'
import { eventually } from '../support/gateways.ts'
import { type Listening, portsOf } from '../support/listening.ts'
import { newProject } from '../support/project.ts'
import { answersAt } from '../support/stranger-at-port.ts'

const { services } = parse(readFileSync(join(packageRoot, 'docker-compose.yml'), 'utf8'), { merge: true })
const { command, environment, extra_hosts: hosts } = services.seaweedfs

const project = newProject()
/** Stands for the network of the containers. */
const outside = '127.0.0.2'
let store: Child
let ports: Listening[] = []

beforeAll(async () => {
  // As in its container, but for the name, which is this machine's, and for ports that others here may have.
  expect(hosts).toEqual(['seaweedfs:127.0.0.1'])
  const data = join(project.root, 'data')
  mkdirSync(data)
  const [s3, ...roles] = await Promise.all([8333, 9333, 8080, 8888].map(freePort))
  const changes: Record<string, string> = { '-ip=seaweedfs': '-ip=localhost', '-s3.port=8333': `-s3.port=${s3}` }
  const args = (command as string[]).map((word) => changes[word] ?? word.replace('0.0.0.0', outside))
  store = await startChild({
    name: 'SeaweedFS',
    path: (await findSeaweed(cacheHome(), () => {})).path,
    args: [
      ...[...args, `-dir=${data}`, '-s3.localSocket=s3.sock', '-filer.localSocket=filer.sock'],
      ...['master', 'volume', 'filer'].map((role, at) => `-${role}.port=${roles[at]}`),
    ],
    env: { ...process.env, ...Object.fromEntries(Object.keys(environment).map((name) => [name, `value-of-${name}`])) },
    folder: project.root,
    log: join(project.root, 'store.log'),
  })
  await eventually(async () => (await fetch(`http://${outside}:${s3}/healthz`).catch(() => undefined))?.ok === true)
  ports = portsOf([store.pid])
})
afterAll(async () => {
  await store.stop()
  project.remove()
})

it('lets other containers reach S3 of the store in compose, over HTTP and gRPC, and no other role', async () => {
  expect(new Set(ports.map(({ address }) => address))).toEqual(new Set(['127.0.0.1', outside]))
  const reached = ports.filter(({ address }) => address === outside).map(({ port }) => port)
  expect(reached.length).toBe(2)
  const answers = await Promise.all(reached.map((port) => answersAt(port, undefined, outside)))
  expect(answers.flat().sort()).toEqual(['GET /healthz 200', 'GET /status 200'])
})

it('would let them read and write at the roles, if they reached them', async () => {
  const inner = ports
    .map(({ port }) => port)
    .filter((port) => !ports.some((each) => each.address === outside && each.port === port))
  expect(inner.length).toBe(6)
  const answers = (await Promise.all(inner.map((port) => answersAt(port)))).flat()
  expect(answers).toContain('GET /dir/assign 200')
  expect(answers).toContain('gRPC /filer_pb.SeaweedFiler/KvPut 0')
})
