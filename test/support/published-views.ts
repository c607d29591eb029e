import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { withDuckDb } from '../../lib/data/duckdb.ts'
import { mediaTypes } from '../../lib/formats/artifact.ts'
import type { RowSchema } from '../../lib/formats/row-schema.ts'
import { PublishedView } from '../../lib/formats/view.ts'
import { putBundle, putFile, putJson } from '../../lib/store/objects.ts'
import { updateRef } from '../../lib/store/refs.ts'
import type { Store } from '../../lib/store/store.ts'

/** A view as a test publishes it, without a run. */
export interface TestView {
  readonly schema: RowSchema
  readonly key: readonly string[]
  readonly known?: string | null
  /** Its rows, a SELECT of DuckDB's in the types of the schema. */
  readonly sql: string
  /** Rows in a row group of its file. */
  readonly groupRows?: number
  readonly publishedAt?: string
}

/** Stores a table bundle. @returns its digest */
export async function storeTable(store: Store, { schema, sql, groupRows = 2_048 }: TestView): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-view-'))
  const file = join(folder, 'made.parquet')
  await withDuckDb(1, (connection) =>
    connection.run(`COPY (${sql}) TO '${file}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${groupRows})`),
  )
  const { digest } = await putBundle(store, {
    slipway: 'bundle/1',
    kind: 'table',
    files: {
      'profile.json': await putJson(store, {}),
      'data/00000': await putFile(store, file, mediaTypes.parquet),
    },
    facts: { format: 'parquet', rows: 0, schema: schema as never },
  })
  rmSync(folder, { recursive: true })
  return digest
}

/** Publishes a table, or a bundle that is there, as a view. @returns the digest of the bundle */
export async function publish(store: Store, name: string, view: TestView, bundle?: string): Promise<string> {
  const digest = bundle ?? (await storeTable(store, view))
  await updateRef(store, `views/${name}`, PublishedView, 'test', (current) => ({
    slipway: 'view/1' as const,
    name,
    revision: (current?.revision ?? 0) + 1,
    definition: `sha256:${'0'.repeat(64)}`,
    since: 1,
    table: { digest, rows: 0 },
    key: [...view.key],
    known: view.known ?? null,
    publishedAt: view.publishedAt ?? new Date().toISOString(),
    run: 'test',
    pipelines: {},
  }))
  return digest
}
