import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { packageRoot } from '../code/host.ts'
import { canonicalJson } from '../formats/canonical.ts'
import { SlipwayError } from '../formats/errors.ts'
import { digestOf } from '../store/digest.ts'
import { type EdgeFolder, edgeFiles } from './manifest.ts'
import type { EdgePackage } from './pack.ts'
import { page } from './page/page.ts'

export interface FolderOrder {
  readonly pack: EdgePackage
  readonly sequence: number
  /** SPKI, base64; null for a folder that takes no updates. */
  readonly publicKey: string | null
}

/** Makes sure that a folder may be written, before the work. @throws SlipwayError OUTPUT_OCCUPIED */
export async function requireEmpty(folder: string): Promise<void> {
  const [name] = existsSync(folder) ? await readdir(folder) : []
  if (name === undefined) return
  throw new SlipwayError('OUTPUT_OCCUPIED', `${folder} holds other files, ${name} for one`, {
    next: 'remove it, or write somewhere else with --to: nothing of it is overwritten',
  })
}

/** All files of a folder that scores by itself, by their names. */
export async function folderFiles({ pack, sequence, publicKey }: FolderOrder): Promise<Map<string, Uint8Array>> {
  const { manifest, files } = pack
  const text = canonicalJson(manifest)
  const edge: EdgeFolder = {
    slipway: 'edge-folder/1',
    model: manifest.model,
    version: manifest.version,
    digest: manifest.package,
    manifest: digestOf(text),
    sequence,
    publicKey,
  }
  const all = new Map(files)
  all.set(edgeFiles.folder, Buffer.from(JSON.stringify(edge, null, 2)))
  all.set(edgeFiles.manifest, Buffer.from(text))
  for (const name of ['slipway-edge.js', 'slipway-edge.d.ts'])
    all.set(name, await readFile(join(packageRoot, 'dist', name)))
  all.set('README.md', Buffer.from(readme(edge)))
  all.set('index.html', Buffer.from(await page(manifest, all)))
  return all
}

/** Writes a folder, whole or not at all. */
export async function writeFolder(folder: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  await mkdir(dirname(folder), { recursive: true })
  const partial = `${folder}.${process.pid}.partial`
  try {
    await mkdir(partial)
    for (const [name, bytes] of files) await writeFile(join(partial, name), bytes)
    // An empty folder that stood there makes room.
    await rename(partial, folder)
  } finally {
    await rm(partial, { recursive: true, force: true })
  }
}

const readme = ({ model, version, publicKey }: EdgeFolder): string => `# ${model}, version ${version}

Scores where it is, without a network: \`index.html\` tries it by hand, from a server or opened as a file.

    import { load } from './slipway-edge.js' // in a browser, or in Node 20.16 or later
    const model = await load() // or load(folder)
    const [answer] = await model.predict([row]) // columns: model.columns
${publicKey === null ? '' : '    model.watch({ channel, every: "10m" }) // what `slipway package --edge` publishes there with --channel\n'}`
