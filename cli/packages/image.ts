import { join, resolve } from 'node:path'
import { requireEmpty } from '../../lib/edge/folder.ts'
import { writeModelImage } from '../../lib/images/model-image.ts'
import { cacheHome } from '../../workers/settings.ts'
import { print, printJson, say } from '../output.ts'
import type { PackageOrder } from './edge.ts'
import { kilobytes, toPackage } from './packaged.ts'

/** `package --oci flights`: an image of a container that serves it, as a folder, without an engine. */
export async function packageImage({ model, to, parts, json }: PackageOrder & { parts?: string }): Promise<number> {
  const { version, bundle, entries, trusted } = await toPackage(model)
  const folder = resolve(to ?? `images/${version.model}`)
  await requireEmpty(folder)
  const places = { cache: join(cacheHome(), 'image-parts'), given: parts === undefined ? undefined : resolve(parts) }
  const image = await writeModelImage(folder, { version, bundle, entries, trusted, places })
  if (json === true)
    printJson({ ...version, image: image.digest, id: image.id, bytes: image.bytes, layers: image.layers, folder })
  else {
    for (const { what, bytes } of image.layers) say(`  ${kilobytes(bytes).padStart(12)}  ${what}`)
    print(`${version.model} version ${version.version}: ${kilobytes(image.bytes)}, ${image.digest}\n  ${folder}`)
  }
  return 0
}
