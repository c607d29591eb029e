import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { isAlive } from '../../lib/store/is-alive.ts'
import { pidIn, takePidLock } from '../../workers/platform/pid-lock.ts'

const folder = mkdtempSync(join(tmpdir(), 'slipway-alive-'))
const left = (name: string, uid?: number): string => {
  const file = join(folder, name)
  writeFileSync(file, '4711')
  if (uid !== undefined) chownSync(file, uid, uid)
  return file
}
const answers = (code: string): void => {
  vi.spyOn(process, 'kill').mockImplementation(() => {
    throw Object.assign(new Error(code), { code })
  })
}
/** Only root makes files of another user. */
const isRoot = process.getuid?.() === 0

afterEach(() => vi.restoreAllMocks())
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('a process that left something behind', () => {
  it('runs where it may be asked, and where it is gone it does not', () => {
    expect(isAlive(process.pid, left('own'))).toBe(true)
    answers('ESRCH')
    expect(isAlive(4711, left('own'))).toBe(false)
  })

  it.skipIf(!isRoot)('of another user runs though it may not be asked, and keeps its lock', () => {
    const file = left('theirs', 65_534)
    answers('EPERM')
    expect(isAlive(4711, file)).toBe(true)
    expect(takePidLock(file)).toBe(4711)
    expect(pidIn(file)).toBe(4711)
  })

  it('of ours is gone where its number is now that of another user', () => {
    answers('EPERM')
    expect(isAlive(4711, left('own'))).toBe(false)
    expect(takePidLock(left('own'))).toBe(undefined)
  })
})
