import { statSync } from 'node:fs'
import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readAssets } from '../../console/assets.ts'
import { findDocument } from '../../console/documents.ts'
import { watchDocuments } from '../../console/live.ts'
import { type Console, startConsole } from '../../console/server.ts'
import { consoleToken, tokenFile } from '../../console/token.ts'
import { eventually } from '../support/gateways.ts'
import { newProject } from '../support/project.ts'

/*
 * The server of the console: who may read, who may write, what listeners hear. What pages show is for the test in a
 * browser.
 */
const token = 'a-token-of-some-length'
let served: Console
let port: number
let looks = 0
const acted: unknown[] = []

beforeAll(async () => {
  served = await startConsole({
    host: '127.0.0.1',
    port: 0,
    token,
    everyMs: () => 20,
    read: async (path) =>
      path === 'away'
        ? { path, command: '', error: { code: 'STORE_UNREACHABLE', message: 'it is away', next: null } }
        : { path, command: `npx slipway ${path} --json`, document: { looks: ++looks } },
    act: async (path, asked) => {
      acted.push([path, asked])
      return { status: 200, body: { done: true } }
    },
  })
  port = Number(new URL(served.address).port)
})
afterAll(() => served?.stop())

interface Answer {
  readonly status: number
  readonly headers: Record<string, unknown>
  readonly text: string
}

/** A request with the very headers given: `fetch` sets some of its own. */
function send(path: string, { method = 'GET', headers = {}, body = '' } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, method, headers }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }))
    })
    asked.on('error', reject)
    asked.end(body)
  })
}

describe('who may read', () => {
  it('is who asks under a name of this server: no page of somebody else’s whose name was pointed here', async () => {
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `LOCALHOST:${port}`])
      expect((await send('/api/runs', { headers: { host } })).status).toBe(200)
    for (const host of ['evil.example', `evil.example:${port}`, `127.0.0.1.evil.example:${port}`, '127.0.0.1'])
      expect((await send('/api/runs', { headers: { host } })).status).toBe(403)
  })

  it('gets the document and the command that prints it, or why it is not to be had', async () => {
    const { text } = await send('/api/runs')
    expect(JSON.parse(text)).toEqual({
      path: 'runs',
      command: 'npx slipway runs --json',
      document: { looks: expect.any(Number) },
    })
    const away = await send('/api/away')
    expect([away.status, JSON.parse(away.text).error.code]).toEqual([503, 'STORE_UNREACHABLE'])
  })

  it('gets every answer with a policy that lets in scripts and styles of ours only, and no frame around', async () => {
    for (const path of ['/', '/runs/x', '/api/runs', '/nothing.js']) {
      const policy = String((await send(path)).headers['content-security-policy'])
      expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'")
      expect(policy).toContain("frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
      expect(policy).not.toContain('unsafe')
    }
  })
})

describe('who may write', () => {
  const good = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const post = (headers: Record<string, string>, body = '{"reason":"why"}') =>
    send('/api/endpoints/credit/pause', { method: 'POST', headers, body })

  it('is who brings the token, as JSON, from a page of ours', async () => {
    expect((await post(good)).status).toBe(200)
    expect((await post({ ...good, origin: `http://localhost:${port}` })).status).toBe(200)
    expect(acted).toEqual([
      ['endpoints/credit/pause', { reason: 'why' }],
      ['endpoints/credit/pause', { reason: 'why' }],
    ])
  })

  it.each([
    ['without the token', { 'content-type': 'application/json' }, 401],
    ['with another one', { ...good, authorization: 'Bearer another-token-of-len' }, 401],
    ['with a part of it', { ...good, authorization: `Bearer ${token.slice(0, -1)}` }, 401],
    ['with an empty one', { ...good, authorization: 'Bearer ' }, 401],
    ['as a form, which any page may send', { ...good, 'content-type': 'text/plain' }, 415],
    ['from a page of somebody else’s', { ...good, origin: 'http://evil.example' }, 403],
    ['from a page without an origin of its own', { ...good, origin: 'null' }, 403],
    ['under another name', { ...good, host: 'evil.example' }, 403],
  ])('is nobody %s', async (_, headers, status) => {
    const before = acted.length
    expect((await post(headers)).status).toBe(status)
    expect(acted.length).toBe(before)
  })

  it('sends a little JSON, and nothing else', async () => {
    const before = acted.length
    expect((await post(good, '{')).status).toBe(400)
    expect((await post(good, JSON.stringify('x'.repeat(20_000)))).status).toBe(400)
    expect((await send('/api/runs', { method: 'PUT', headers: good })).status).toBe(405)
    expect(acted.length).toBe(before)
  })

  it('has a token that its owner alone can read, the same one at every start', () => {
    const project = newProject()
    const made = consoleToken(project.root)
    expect(made.length).toBeGreaterThanOrEqual(32)
    expect(statSync(tokenFile(project.root)).mode & 0o777).toBe(0o600)
    expect(consoleToken(project.root)).toBe(made)
    project.remove()
  })
})

describe('who listens', () => {
  it('hears a document when it changes; one look is for all, and none is made where nobody listens', async () => {
    let value = 1
    let reads = 0
    const { listen } = watchDocuments(
      async (path) => {
        reads++
        return { path, command: '', document: value }
      },
      () => 5,
    )
    const heard: string[][] = [[], []]
    const ends = heard.map((texts) => listen('runs', (text) => texts.push(text)))
    await eventually(async () => reads > 5)
    expect(heard.map((texts) => texts.length)).toEqual([1, 1])
    value = 2
    await eventually(async () => heard[1]?.length === 2)
    const late: string[] = []
    ends.push(listen('runs', (text) => late.push(text)))
    expect(late).toEqual([JSON.stringify({ path: 'runs', command: '', document: 2 })])
    for (const end of ends) end()
    const before = reads
    await new Promise((resolve) => setTimeout(resolve, 60))
    expect(reads - before).toBeLessThanOrEqual(1)
  })
})

describe('what is served', () => {
  it('has under 200 kB of scripts and styles, named by what is in them', () => {
    const assets = readAssets()
    const code = [...assets].filter(([name]) => /\.(?:js|css)$/.test(name))
    expect(code.map(([name]) => name.replace(/-[A-Z0-9]{8}\./, '.')).sort()).toEqual(['main.js', 'style.css'])
    expect(code.reduce((sum, [, { body }]) => sum + body.length, 0)).toBeLessThan(200_000)
    const page = String(assets.get('index.html')?.body)
    for (const [name] of code) expect(page).toContain(`/${name}`)
    expect(page).not.toMatch(/<style|style=|<script(?![^>]* src=)| on\w+=/)
  })

  it('knows documents by names, ids and numbers, and no other address', () => {
    expect(findDocument('runs/loans-20261130-100901-bd4f/graph')?.command).toBe(
      'npx slipway show loans-20261130-100901-bd4f --graph --json',
    )
    expect(findDocument('runs/loans-20261130-100901-bd4f/logs/sha256:3f9a')?.command).toBe(
      'npx slipway show sha256:3f9a --json',
    )
    for (const path of ['runs/../graph', 'runs/a b/graph', 'runs/$(x)/graph', 'runs//graph', 'nothing', ''])
      expect(findDocument(path)).toBeUndefined()
  })
})
