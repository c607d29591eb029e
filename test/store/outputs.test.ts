import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { localFolder, outputFiles, outputFolder, requireFree } from '../../lib/store/outputs.ts'
import { createStore } from '../../lib/store/store.ts'

const root = mkdtempSync(join(tmpdir(), 'slipway-outputs-'))
const store = createStore({
  endpoint: 'http://127.0.0.1:1',
  bucket: 'none',
  region: 'us-east-1',
  cacheFolder: root,
  credentials: undefined,
})
afterAll(() => rmSync(root, { recursive: true }))
const codeOf = async (work: () => unknown): Promise<string | undefined> => {
  try {
    await work()
  } catch (error) {
    return (error as { code?: string }).code
  }
  return undefined
}
const batch = { owner: 'loans', name: 'nightly', slot: '2024-01-01' }

it('is below the folder a worker may write to, or nowhere', async () => {
  expect(await codeOf(() => outputFolder(store, 'out/2024-01-01/', root))).toBeUndefined()
  for (const to of ['../elsewhere', '/etc', `${root}-not`])
    expect(await codeOf(() => outputFolder(store, to, root)), to).toBe('OUTPUT_UNWRITABLE')
  expect(await codeOf(() => outputFolder(store, 'out', undefined))).toBe('OUTPUT_UNWRITABLE')
})

it('is empty, or the same batch', async () => {
  const folder = localFolder(store, join(root, 'mine'))
  await requireFree(folder, batch)
  await folder.write('letter.txt', 'mine')
  expect(await codeOf(() => requireFree(folder, batch))).toBe('OUTPUT_OCCUPIED')
  await folder.remove('letter.txt')
  await folder.write(outputFiles.manifest, '{}')
  expect(await codeOf(() => requireFree(folder, batch))).toBe('OUTPUT_OCCUPIED')
  expect(readdirSync(join(root, 'mine'))).toEqual([outputFiles.manifest])
})

it('that cannot be written to says so, and why', async () => {
  writeFileSync(join(root, 'file'), '')
  expect(await codeOf(() => localFolder(store, join(root, 'file')).write('a', 'b'))).toBe('OUTPUT_UNWRITABLE')
  expect(await codeOf(() => requireFree(localFolder(store, join(root, 'file')), batch))).toBe('OUTPUT_UNWRITABLE')
})
