import { expect, it } from 'vitest'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { machineFull } from '../../lib/formats/machine-full.ts'

const nodes = (code: string, message: string, path?: string): Error =>
  Object.assign(new Error(`${code}: ${message}`), { code, ...(path !== undefined && { path }) })

it.each([
  ['DISK_FULL', nodes('ENOSPC', 'no space left on device, write')],
  ['DISK_FULL', nodes('EDQUOT', 'disk quota exceeded, write')],
  ['DISK_FULL', nodes('EFBIG', 'file too large, write')],
  ['DISK_FULL', new Error('IO Error: Could not write file "/data/part.parquet": No space left on device')],
  ['DISK_FULL', new Error('database or disk is full')],
  ['TOO_MANY_FILES', nodes('EMFILE', "too many open files, open '/a/b'", '/a/b')],
  ['TOO_MANY_FILES', nodes('ENFILE', 'file table overflow, open')],
  ['TOO_MANY_FILES', new Error('IO Error: Cannot open file "/a/b": Too many open files')],
  ['OUT_OF_MEMORY', nodes('ENOMEM', 'not enough memory, read')],
  ['OUT_OF_MEMORY', new Error('Out of Memory Error: failed to allocate data of size 16.0 MiB (1.0 GiB/1.0 GiB used)')],
  ['OUT_OF_MEMORY', new Error('spawn python: Cannot allocate memory')],
] as const)('%s is said of a machine that is full, and passes', (code, error) => {
  expect(machineFull(error)).toMatchObject({ code, retryable: true, exitCode: 20, cause: error })
})

it('it is said whatever the failure was taken for, and says the folder and what to do', () => {
  const taken = new SlipwayError(
    'TABLE_FAILED',
    'the table does not come about',
    {},
    {
      cause: new Error('IO Error: Could not write file "/data/spill/1.tmp": No space left on device'),
    },
  )
  expect(machineFull(taken)).toMatchObject({
    code: 'DISK_FULL',
    message: expect.stringContaining('the disk is full in /data/spill: '),
    facts: { folder: '/data/spill', next: expect.stringContaining('make room in /data/spill') },
  })
  expect(machineFull(nodes('ENOSPC', 'no space left on device, write'), '/scratch')?.facts.folder).toBe('/scratch')
  expect(machineFull(nodes('ENOSPC', 'no space left', '/cache/ab.part'), '/scratch')?.facts.folder).toBe('/cache')
})

it('what was said once is not said of another folder', () => {
  const said = machineFull(nodes('ENOSPC', 'no space left on device, write'), '/scratch')
  expect(machineFull(said, '/elsewhere')).toBe(said)
})

it.each([
  new Error('ECONNRESET'),
  nodes('ENOENT', 'no such file'),
  new SlipwayError('REQUEST_TOO_LARGE', 'the file is too large'),
  new SlipwayError('SOURCE_UNREADABLE', 'line 3 is out of order'),
  'a text',
  undefined,
])('all else is left as it is: %s', (error) => expect(machineFull(error)).toBeUndefined())
