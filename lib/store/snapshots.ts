import { z } from 'zod'
import type { Bundle } from '../formats/artifact.ts'
import { type DescribedSnapshot, requestSchema, type Snapshot, snapshotOf } from '../formats/lookup.ts'
import type { ModelVersion, Route } from '../formats/route.ts'
import { RowSchema } from '../formats/row-schema.ts'
import { requireRows } from '../formats/tensors.ts'
import { brokenError } from './broken.ts'
import { blobKey, getBundle, localBundle, localFile } from './objects.ts'
import type { Store } from './store.ts'
import { readView } from './views.ts'

/** The snapshots that views are now, of those that are published. */
export async function readSnapshots(store: Store, views: readonly string[]): Promise<Snapshot[]> {
  const published = await Promise.all(views.map((view) => readView(store, view)))
  return published.flatMap((view) => (view === undefined ? [] : [snapshotOf(view)]))
}

/**
 * Requires that a version finds what it looks up: a route with a snapshot that does not fit would be refused by every
 * gateway, and so would all revisions after it.
 * @throws SlipwayError TABLE_SCHEMA
 */
export async function requireFit(
  store: Store,
  { digest, lookups = [] }: ModelVersion,
  snapshots: readonly Snapshot[],
): Promise<void> {
  if (lookups.length === 0) return
  const described = await describe(store, snapshots)
  const published = lookups.filter(({ view }) => described.has(view))
  requestSchema(await inputsOf(store, digest), published, (view) => described.get(view) as DescribedSnapshot)
}

/** Snapshots with their schemas, by view. */
async function describe(store: Store, snapshots: readonly Snapshot[]): Promise<Map<string, DescribedSnapshot>> {
  const described = new Map<string, DescribedSnapshot>()
  for (const snapshot of snapshots) {
    const { schema } = tableFacts(store, snapshot.digest, await getBundle(store, snapshot.digest, 'table'))
    described.set(snapshot.view, { ...snapshot, schema })
  }
  return described
}

/** The columns of a model's rows. @throws SlipwayError MODEL_OF_TENSORS */
async function inputsOf(store: Store, model: string): Promise<RowSchema> {
  const { facts } = await getBundle(store, model, 'model')
  requireRows(facts)
  return RowSchema.parse(facts.inputs)
}

/**
 * The rows that requests to an endpoint have: those of its champion, without what is looked up, with the keys.
 * @throws SlipwayError TABLE_SCHEMA
 */
export async function requestRows(store: Store, { champion, snapshots = [] }: Route): Promise<RowSchema> {
  const inputs = await inputsOf(store, champion.digest)
  if (champion.lookups === undefined) return inputs
  const described = await describe(store, snapshots)
  return requestSchema(inputs, champion.lookups, (view) => described.get(view) as DescribedSnapshot)
}

const TableFacts = z.object({ format: z.literal('parquet'), schema: RowSchema })

/** @throws SlipwayError DOCUMENT_BROKEN for what is no table of parquet files */
function tableFacts(store: Store, digest: string, { facts }: Bundle): z.infer<typeof TableFacts> {
  const read = TableFacts.safeParse(facts)
  if (read.success) return read.data
  throw brokenError(store, blobKey(digest), 'it is no table of parquet files')
}

/**
 * A snapshot with its schema and its files on this machine, verified: from the local cache where they are there, so
 * with the store away too.
 * @throws SlipwayError DIGEST_MISMATCH, DOCUMENT_BROKEN for what is no table of parquet files, STORE_UNREACHABLE
 */
export async function localSnapshot(
  store: Store,
  snapshot: Snapshot,
): Promise<DescribedSnapshot & { readonly files: readonly string[] }> {
  const { digest } = snapshot
  const bundle = await localBundle(store, digest, 'table')
  const { schema } = tableFacts(store, digest, bundle)
  const names = Object.keys(bundle.files).filter((name) => name.startsWith('data/'))
  const files: string[] = []
  for (const name of names.sort()) files.push(await localFile(store, bundle.files[name]?.digest as string))
  return { ...snapshot, schema, files }
}
