import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createServer as createHttpServer } from 'node:http'
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

const portOf = (server: Server): number => (server.address() as { port: number }).port

/** A store that holds one artifact. */
async function storeOf(content: string): Promise<Server> {
  const hex = createHash('sha256').update(content).digest('hex')
  const key = `blobs/sha256/${hex.slice(0, 2)}/${hex}`
  const server = createHttpServer(({ url = '' }, response) => {
    if (url.includes('list-type=2'))
      response.end(`<ListBucketResult><Contents><Key>${key}</Key></Contents></ListBucketResult>`)
    else if (url.includes(`${key}?`)) response.end(content)
    else response.writeHead(404).end('<Error><Code>NoSuchKey</Code></Error>')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

/** A command as a process of its own. */
function begin(store: Server, ...args: string[]) {
  const port = portOf(store)
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
      const { child, ended } = begin(silent, 'runs', '--json')
      silent.once('connection', () => child.kill(signal))
      const { code, stdout } = await ended
      expect(code).toBe(130)
      expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'INTERRUPTED' }, exitCode: 130 })
    },
  )

  it('hands a document longer than a pipe to a reader that takes its time', async () => {
    const content = JSON.stringify({ words: 'x'.repeat(300_000) })
    const store = await storeOf(content)
    const { child, ended } = begin(store, 'show', createHash('sha256').update(content).digest('hex'), '--json')
    child.stdout.pause()
    await new Promise((resolve) => child.stdout.once('readable', resolve))
    // Whatever it has not written by now waits for us.
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    child.stdout.resume()
    const { code, stdout } = await ended
    store.close()
    expect(code).toBe(0)
    expect(JSON.parse(stdout).content).toEqual(JSON.parse(content))
  })
})
