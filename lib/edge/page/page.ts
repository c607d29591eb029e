import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { packageRoot } from '../../code/host.ts'
import { type EdgeManifest, edgeFiles, type Probe } from '../manifest.ts'
import type { CompiledParts } from '../runtime/open.ts'

/** Texts of a column that the page offers. */
const mostTexts = 100

/**
 * A page that tries a model by hand: a form from its contract. Where trees are compiled it holds all that it needs, so
 * that it works opened as a file as well; ONNX Runtime is too large for that, and is read from the folder.
 * @param files of the folder, by their names
 */
export async function page(manifest: EdgeManifest, files: ReadonlyMap<string, Uint8Array>): Promise<string> {
  const text = await readFile(join(packageRoot, 'dist', 'edge-page.html'), 'utf8')
  const title = `${manifest.model} version ${manifest.version}`
  const isWhole = manifest.engine === 'compiled'
  const embedded = {
    rows: (JSON.parse(textOf(files.get(edgeFiles.probe))) as Probe).rows.slice(0, 20),
    texts: textsOf(files),
    ...(isWhole && {
      module: base64(files.get('slipway-edge.js')),
      files: Object.fromEntries(
        [edgeFiles.folder, edgeFiles.manifest, ...Object.keys(manifest.files)].map((name) => [
          name,
          base64(files.get(name)),
        ]),
      ),
    }),
  }
  return text
    .replaceAll('{{title}}', title)
    .replace('{ "embedded": "here" }', () => JSON.stringify(embedded).replaceAll('<', '\\u003c'))
}

const textOf = (bytes: Uint8Array = new Uint8Array()): string => Buffer.from(bytes).toString()
const base64 = (bytes: Uint8Array = new Uint8Array()): string => Buffer.from(bytes).toString('base64')

/** Texts that the compiled trees tell apart, by the feature: that of a column's name, mostly, is that column. */
function textsOf(files: ReadonlyMap<string, Uint8Array>): Record<string, string[]> {
  const plan = files.get(edgeFiles.plan)
  if (plan === undefined) return {}
  const { inputs } = (JSON.parse(textOf(plan)) as CompiledParts).plan
  return Object.fromEntries(
    inputs.flatMap((input) => (input.kind === 'category' ? [[input.name, input.keys.slice(0, mostTexts)]] : [])),
  )
}
