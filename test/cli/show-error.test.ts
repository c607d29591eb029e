import { afterEach, describe, expect, it, vi } from 'vitest'
import { showError } from '../../cli/output.ts'
import { placed } from '../../lib/code/user-fault.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'

/** What is written to both streams while an error is shown, and the exit code. */
function shown(error: unknown, options: { verbose?: boolean; json?: boolean } = {}) {
  const written = { out: '', err: '' }
  const take = (stream: 'out' | 'err') => (text: string | Uint8Array) => {
    written[stream] += String(text)
    return true
  }
  vi.spyOn(process.stdout, 'write').mockImplementation(take('out'))
  vi.spyOn(process.stderr, 'write').mockImplementation(take('err'))
  const code = showError(error, options)
  vi.restoreAllMocks()
  return { code, ...written }
}
afterEach(() => vi.restoreAllMocks())

const at = { file: 'pipelines/p/features.ts', line: 3, column: 5, text: '    throw new Error()' }
const fault = placed(new SlipwayError('FEATURES_FAILED', 'features throws: a\nb\nc\nd', { next: 'mend it' }), at)

describe('an error', () => {
  it('is shown in at most five lines: what, the line of the user, what to do', () => {
    const { code, out, err } = shown(fault)
    expect(code).toBe(11)
    expect(out).toBe('')
    expect(err.trimEnd().split('\n')).toEqual([
      expect.stringContaining('FEATURES_FAILED: pipelines/p/features.ts:3:5: features throws: a'),
      '  b',
      '  | throw new Error()',
      '  next: mend it',
    ])
  })

  it('as JSON is one document on standard output with the place by its parts', () => {
    const { code, out } = shown(fault, { json: true })
    expect(code).toBe(11)
    expect(JSON.parse(out)).toEqual({
      error: { code: 'FEATURES_FAILED', message: fault.message, ...at, next: 'mend it' },
      exitCode: 11,
    })
  })

  it('without a place has none', () => {
    const { out } = shown(new SlipwayError('NOT_FOUND', 'no such run'), { json: true })
    expect(JSON.parse(out)).toEqual({ error: { code: 'NOT_FOUND', message: 'no such run', next: null }, exitCode: 2 })
  })

  it.each([
    ['EACCES', 'permission denied'],
    ['ENOENT', 'there is no such file'],
    ['EISDIR', 'it is a folder'],
  ])('of the system about a path is the user’s: %s', (code, says) => {
    const { code: exit, err } = shown(Object.assign(new Error(`${code}: x`), { code, path: '/a/b.xml' }))
    expect(exit).toBe(2)
    expect(err).toContain(`USAGE: /a/b.xml: ${says}`)
    expect(err).not.toContain('fault in Slipway')
  })

  it.each<[string, unknown]>([
    ['a fault of ours', new TypeError('x of undefined')],
    ['a full disk', Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC', path: '/a' })],
    ['a text', 'oops'],
    ['nothing', undefined],
  ])('that nobody foresaw says so: %s', (_, error) => {
    const { code, err } = shown(error)
    expect(code).toBe(1)
    expect(err).toContain('INTERNAL')
    expect(err).toContain('this is a fault in Slipway')
    expect(err).not.toMatch(/\n\s+at /)
  })

  it('has its trace where it is asked for', () => {
    expect(shown(fault, { verbose: true }).err).toMatch(/\n\s+at /)
    expect(JSON.parse(shown(fault, { verbose: true, json: true }).out)).toMatchObject({ exitCode: 11 })
  })
})
