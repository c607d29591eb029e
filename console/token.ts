import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { makePlatformFolder, platformFolder, writeWhole } from '../workers/platform/state.ts'

export const tokenFile = (root: string): string => join(platformFolder(root), 'console.token')

/** What a browser shows to be let write: made once a project, readable by its owner only. */
export function consoleToken(root: string): string {
  makePlatformFolder(root)
  const file = tokenFile(root)
  if (!existsSync(file)) writeWhole(file, `${randomBytes(24).toString('base64url')}\n`)
  return readFileSync(file, 'utf8').trim()
}
