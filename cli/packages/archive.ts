import { mkdir, rename, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { requireEmpty } from '../../lib/edge/folder.ts'
import { writeTarGz } from '../../lib/store/tar.ts'
import { print, printJson } from '../output.ts'
import type { PackageOrder } from './edge.ts'
import { kilobytes, toPackage } from './packaged.ts'

/** `package --sagemaker flights`: its folder as `model.tar.gz`, of one version the same bytes wherever it is made. */
export async function packageArchive({ model, to, json }: PackageOrder): Promise<number> {
  const { version, entries } = await toPackage(model)
  const folder = resolve(to ?? `sagemaker/${version.model}`)
  await requireEmpty(folder)
  await mkdir(folder, { recursive: true })
  const file = join(folder, 'model.tar.gz')
  const partial = `${file}.${process.pid}.partial`
  try {
    const { digest, size } = await writeTarGz(partial, entries)
    await rename(partial, file)
    if (json === true) printJson({ ...version, archive: digest, bytes: size, file })
    else print(`${version.model} version ${version.version}: ${kilobytes(size)}, ${digest}\n  ${file}`)
  } finally {
    await rm(partial, { force: true })
  }
  return 0
}
