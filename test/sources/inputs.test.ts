import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { findInputs } from '../../lib/sources/inputs.ts'
import { openSources } from '../../lib/sources/open-sources.ts'
import { parseS3 } from '../../lib/store/s3-address.ts'
import { noStore as store } from '../support/sources.ts'

const folder = mkdtempSync(join(tmpdir(), 'slipway-inputs-'))
const root = join(folder, 'root')
beforeAll(() => {
  mkdirSync(join(root, 'in'), { recursive: true })
  writeFileSync(join(folder, 'secret.csv'), 'a\n1\n')
  writeFileSync(join(root, 'in/a.csv'), 'a\n1\n')
  symlinkSync(join(folder, 'secret.csv'), join(root, 'in/link.csv'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const messageOf = (from: string, confined: boolean): Promise<string> =>
  findInputs(store, openSources(store, { root, confined }), from).then(
    () => 'found',
    (error: Error) => error.message,
  )

it('are below the folder a worker may read, whatever links and dots lead elsewhere', async () => {
  for (const from of [
    '../secret.csv',
    join(folder, 'secret.csv'),
    '../*.csv',
    'in/link.csv',
    'in/*.csv',
    '/etc/passwd',
  ])
    expect(await messageOf(from, true), from).toContain('not below the folder')
  const without = openSources(store, { root: undefined, confined: true })
  await expect(findInputs(store, without, 'in/a.csv')).rejects.toThrow('may not read')
  // Allowed ones get as far as the store, which is not there.
  writeFileSync(join(root, 'b.csv'), 'a\n1\n')
  for (const from of ['in/a.csv', 'in/a*.csv', '*.csv'])
    expect(await messageOf(from, true), from).toContain('127.0.0.1:1')
  expect(await messageOf('../secret.csv', false)).toContain('127.0.0.1:1')
})

it('in S3 are named by bucket and key', () => {
  expect(parseS3('s3://lake/a/b.parquet')).toEqual({ bucket: 'lake', key: 'a/b.parquet' })
  expect(parseS3('s3://lake')).toEqual({ bucket: 'lake', key: '' })
  expect(() => parseS3('s3:/lake')).toThrow('no S3 address')
})
