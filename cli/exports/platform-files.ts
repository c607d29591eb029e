import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { requireEmpty } from '../../lib/edge/folder.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson } from '../output.ts'

export interface PlatformOptions extends JsonOption {
  /** Repository that the images of `package --oci` are pushed to, without a tag. */
  readonly image: string
  /** The platform's name for a kind of machine. */
  readonly machine?: string
  readonly to?: string
}

/** Writes the files of a platform into a folder of their own. @param usual where, unless they are wanted elsewhere */
export async function writePlatformFiles(
  usual: string,
  files: ReadonlyMap<string, string>,
  { to, json }: PlatformOptions,
): Promise<number> {
  const folder = resolve(to ?? usual)
  await requireEmpty(folder)
  mkdirSync(folder, { recursive: true })
  for (const [name, text] of files) writeFileSync(join(folder, name), text)
  if (json === true) printJson({ folder, files: [...files.keys()] })
  else for (const name of files.keys()) print(join(folder, name))
  return 0
}
