import { normalize } from 'node:path'
import { withDuckDb } from '../lib/data/duckdb.ts'
import { inspect } from '../lib/data/inspect.ts'
import { dialectOf, FileFacts } from '../lib/data/local-table.ts'
import type { TableFile } from '../lib/data/table-file.ts'
import { mediaTypes, type Output } from '../lib/formats/artifact.ts'
import { canonicalJson } from '../lib/formats/canonical.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import { SourceContents } from '../lib/formats/source-contents.ts'
import type { StepOutcome } from '../lib/formats/step-inputs.ts'
import type { WorkOn } from '../lib/jobs/step-work.ts'
import { fixedPart } from '../lib/sources/patterns.ts'
import { sideBySide } from '../lib/sources/side-by-side.ts'
import { contentOf, mediaTypeOf } from '../lib/sources/take.ts'
import { notableIn } from '../lib/stats/profile-summary.ts'
import { getBundle, getJson, hasBlob, localFile, putBundle, putJson } from '../lib/store/objects.ts'
import type { Store } from '../lib/store/store.ts'
import { type ActivityDeps, runActivity, runStep, type StepOrder } from './step.ts'

/** Files that are fetched at once: the store reads one while another is hashed. */
const filesAtOnce = 2

/** The digest of the list of a source's files (`lib/formats/source-contents.ts`), and a snapshot to use instead. */
export interface SnapshotOrder extends StepOrder<'snapshot'> {
  readonly source: string
  readonly use?: string | undefined
}

/** Makes a snapshot of a source's files, which lie in the store already: counts, profiles, names them together. */
export async function takeSnapshot(deps: ActivityDeps, order: SnapshotOrder): Promise<StepOutcome> {
  const { store } = deps
  if (order.use !== undefined) return reuseSnapshot(store, order.use)
  const contents = await runActivity(order.step.id, async () => getJson(store, order.source, SourceContents))
  return runStep(deps, order, (work) => profiled(store, contents, work), { content: contentOf(contents) })
}

async function profiled(store: Store, contents: SourceContents, { step, folder, job, progress }: WorkOn<'snapshot'>) {
  progress('fetching the files', 0)
  const { format, delimiter, header, schema } = step
  const facts = contents.map(({ digest: _, size: __, ...file }) => FileFacts.parse(file))
  const paths = await sideBySide(contents, filesAtOnce, ({ digest }) => localFile(store, digest))
  const files: TableFile[] = paths.map((path, i) => ({ ...(facts[i] as Omit<TableFile, 'path'>), path }))
  progress('reading and profiling', 0.5)
  const table = { files, format, dialect: dialectOf(step), schema }
  const rows = await withDuckDb(2, (connection) => inspect(connection, table, whatWasRead(facts, step.from)))
  const read = await job('profileFiles', { table: { ...table, rows }, folder })
  const profile = await putJson(store, read)
  const data = contents.map(({ digest, size }, i) => [
    `data/${String(i).padStart(5, '0')}`,
    { digest, size, mediaType: mediaTypeOf[format] },
  ])
  const bundle = await putBundle(store, {
    slipway: 'bundle/1',
    kind: 'snapshot',
    files: { 'profile.json': profile, ...Object.fromEntries(data) },
    facts: {
      format,
      ...(delimiter === undefined ? {} : { delimiter }),
      ...(header === undefined ? {} : { header }),
      rows,
      schema: schema as never,
      files: facts as never,
    },
  })
  return {
    outputs: [
      { ...bundle, name: 'table' },
      { ...profile, name: 'profile' },
    ],
    facts: {
      rows,
      files: files.length,
      bytes: contents.reduce((sum, { size }) => sum + size, 0),
      read: notableIn(read),
    },
  }
}

/** How messages call a source: as its definition does, or by its files where a run was given others. */
function whatWasRead(files: readonly { readonly name?: string | undefined }[], from: string): string {
  const names = files.flatMap(({ name }) => name ?? [])
  const [first] = names
  if (first === undefined || names.every((each) => each.startsWith(normalize(fixedPart(from))))) return from
  return names.length === 1 ? first : `${first} and ${names.length - 1} more files`
}

async function reuseSnapshot(store: Store, digest: string): Promise<StepOutcome> {
  return runActivity('snapshot', async () => {
    const bundle = await getBundle(store, digest, 'snapshot')
    for (const file of Object.values(bundle.files)) {
      if (!(await hasBlob(store, file)))
        throw new SlipwayError('OBJECT_MISSING', `snapshot ${digest} is not whole: ${file.digest} is missing`)
    }
    const outputs: Output[] = [
      {
        name: 'table',
        digest: digest as Output['digest'],
        mediaType: mediaTypes.bundle,
        size: Buffer.byteLength(canonicalJson(bundle)),
      },
    ]
    return {
      stepKey: digest.slice('sha256:'.length),
      cached: true,
      outputs,
      facts: { rows: bundle.facts.rows, reused: true },
    }
  })
}
