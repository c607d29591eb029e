import type { LocalTable } from '../data/table.ts'
import type { Bundle } from '../pipelines/artifact.ts'
import type { CodeRef } from '../pipelines/plan.ts'
import { RowSchema } from '../pipelines/row-schema.ts'
import { getBundle, localFile } from '../store/objects.ts'
import { requireSigned } from '../store/signing.ts'
import type { LocalCode } from '../trainers/train-model.ts'
import type { ActivityDeps } from './step.ts'

/** A table's files, downloaded and verified. */
export async function localTable({ store }: ActivityDeps, digest: string): Promise<LocalTable> {
  const bundle = await getTable(store, digest)
  const names = Object.keys(bundle.files)
    .filter((name) => name.startsWith('data/'))
    .sort()
  const files: string[] = []
  for (const name of names) files.push(await localFile(store, bundle.files[name]?.digest as string))
  return {
    files,
    format: bundle.facts.format as LocalTable['format'],
    schema: RowSchema.parse(bundle.facts.schema),
    rows: bundle.facts.rows as number,
  }
}

/** Snapshots are tables too. */
async function getTable(store: ActivityDeps['store'], digest: string): Promise<Bundle> {
  return getBundle(store, digest, 'table').catch(() => getBundle(store, digest, 'snapshot'))
}

/** User code, downloaded, verified, and signed by somebody this worker trusts. */
export async function localCode({ store, trusted }: ActivityDeps, ref: CodeRef): Promise<LocalCode> {
  await requireSigned(store, trusted, 'code', ref.digest)
  return { file: await localFile(store, ref.digest), digest: ref.digest, name: ref.name }
}
