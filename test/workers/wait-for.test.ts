import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { lifeOf, waitFor } from '../../workers/wait-for.ts'

const folder = mkdtempSync(join(tmpdir(), 'slipway-wait-'))
const log = join(folder, 'log')
const ready = join(folder, 'ready')
const children: ChildProcess[] = []
afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(folder, { recursive: true })
})

/** A process that does one thing whenever it is asked, and says when it is done. */
function start(task: string): { pid: number; once(): Promise<unknown>; end(): Promise<unknown> } {
  const code = `process.stdin.on('data', () => { (() => { ${task} })(); process.stdout.write('.') })`
  const child = spawn(process.execPath, ['-e', code], { stdio: ['pipe', 'pipe', 'ignore'] })
  children.push(child)
  return {
    pid: child.pid as number,
    once() {
      child.stdin?.write('.')
      return once(child.stdout as NodeJS.ReadableStream, 'data')
    },
    end() {
      child.kill('SIGKILL')
      return once(child, 'exit')
    },
  }
}

/** A clock on which a minute passes between two looks; what happens in it is up to the test. */
function minutes(during: (minute: number) => unknown) {
  let minute = 0
  return { now: () => minute * 60_000, pause: async () => void (await during(++minute)) }
}

const writeLog = `require('fs').appendFileSync(${JSON.stringify(log)}, 'still at it\\n')`
const useProcessor = 'const until = process.cpuUsage().user + 2e4; while (process.cpuUsage().user < until);'

describe('waiting for a process', () => {
  it.each([
    ['writes to its log', writeLog],
    ...(existsSync('/proc/self/stat') ? [['uses processor time', useProcessor]] : []),
  ])('goes on for an hour while it %s now and then, and ends when it is there', async (_, task) => {
    rmSync(ready, { force: true })
    writeFileSync(log, '')
    const slow = start(task as string)
    const clock = minutes(async (minute) => {
      if (minute % 9 === 0) await slow.once()
      if (minute === 60) writeFileSync(ready, '')
    })
    await waitFor({
      what: 'a slow process',
      look: async () => existsSync(ready) || undefined,
      signs: () => ({ vital: lifeOf(slow.pid, { log }) }),
      clock,
    })
    expect(clock.now()).toBeGreaterThanOrEqual(3_600_000)
    await slow.end()
  })

  it('ends after ten minutes of silence, and says what was waited for, what was seen last, and where the log is', async () => {
    writeFileSync(log, 'begin\nfatal error: the disk is away\nbye\n')
    const silent = start('')
    const clock = minutes(() => {})
    const error = await waitFor({
      what: 'the server to start',
      look: () => Promise.reject(new Error('connect ECONNREFUSED 127.0.0.1:1')),
      signs: () => ({ vital: lifeOf(silent.pid, { log, idles: true }) }),
      log,
      code: 'PLATFORM_MISSING',
      clock,
    }).catch((reason) => reason)
    expect(error).toMatchObject({ code: 'PLATFORM_MISSING', facts: { next: `see ${log}` } })
    expect(error.message).toBe(
      'waited for the server to start: no sign of life for 10 minutes. Seen last: connect ECONNREFUSED 127.0.0.1:1; its log says: fatal error: the disk is away',
    )
    expect(clock.now()).toBeLessThan(720_000)
    await silent.end()
  })

  it('ends when it has ended, though it was at work until then', async () => {
    const dying = start(writeLog)
    let dead: string | undefined
    const waiting = waitFor({
      what: 'a process',
      look: async () => undefined,
      signs: () => ({ dead, vital: lifeOf(dying.pid, { log }) }),
      clock: minutes(async (minute) => {
        if (minute < 3) await dying.once()
        else if (dead === undefined) {
          await dying.end()
          dead = 'it ended with 137'
        }
      }),
    })
    await expect(waiting).rejects.toMatchObject({
      code: 'WAIT_TIMED_OUT',
      message: expect.stringContaining('it ended with 137'),
    })
  })

  it('gives up on a server that takes the question and never answers', async () => {
    const waiting = waitFor({
      what: 'an answer',
      look: () => new Promise<undefined>(() => {}),
      signs: () => ({ vital: [] }),
      clock: minutes(() => {}),
    })
    await expect(waiting).rejects.toMatchObject({ code: 'WAIT_TIMED_OUT' })
  })

  it('says from time to time what is waited for', async () => {
    const said: string[] = []
    await waitFor({
      what: 'the third minute',
      look: async () => (said.length === 2 ? true : undefined),
      signs: () => ({ vital: [] }),
      say: (line) => said.push(line),
      clock: minutes(() => {}),
    })
    expect(said).toEqual(Array(2).fill('still waiting for the third minute (no answer)'))
    expect(readFileSync(log, 'utf8')).not.toBe('')
  })
})
