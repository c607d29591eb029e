import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

/** What makes folders for the tests of a file, which are gone after them. */
export function folderMaker(): () => string {
  const root = mkdtempSync(join(tmpdir(), 'slipway-test-'))
  afterAll(() => rmSync(root, { recursive: true, force: true }))
  let made = 0
  return () => {
    const folder = join(root, String(made++))
    mkdirSync(folder)
    return folder
  }
}
