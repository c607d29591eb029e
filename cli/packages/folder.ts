import { mkdir } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { requireEmpty } from '../../lib/edge/folder.ts'
import { writeEntries } from '../../lib/models/model-folder.ts'
import { print, printJson } from '../output.ts'
import type { PackageOrder } from './edge.ts'
import { bytesOf, kilobytes, toPackage } from './packaged.ts'

/** `package --folder flights`: a model as a folder that containers serve. */
export async function packageFolder({ model, to, json }: PackageOrder): Promise<number> {
  const { version, entries } = await toPackage(model)
  const folder = resolve(to ?? `containers/${version.model}`)
  await requireEmpty(folder)
  await mkdir(dirname(folder), { recursive: true })
  await writeEntries(folder, entries)
  const bytes = bytesOf(entries)
  if (json === true) printJson({ ...version, bytes, folder })
  else print(`${version.model} version ${version.version}: ${kilobytes(bytes)}\n  ${folder}`)
  return 0
}
