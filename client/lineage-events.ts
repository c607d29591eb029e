import { SlipwayError } from '../lib/formats/errors.ts'
import type { RunRecord } from '../lib/formats/records.ts'
import { nameOfStep } from '../lib/formats/step-names.ts'
import { readSourceRead } from '../lib/models/source-read.ts'
import { getBundle } from '../lib/store/objects.ts'
import { getPlan } from '../lib/store/plans.ts'
import { listRuns, readWholeRun } from '../lib/store/runs.ts'
import type { Store } from '../lib/store/store.ts'
import { type LineageTable, lineageEvents } from '../lib/tracking/openlineage.ts'
import type { StoreContext } from './context.ts'

/**
 * Finished runs as events of OpenLineage, the oldest run first.
 * @param what a run, or a pipeline
 * @throws SlipwayError NOT_FOUND
 */
export async function readLineageEvents(
  context: StoreContext,
  what: string,
  namespace: string,
): Promise<{ readonly runs: number; readonly events: readonly object[] }> {
  const records = await recordsOf(context, what)
  const events: object[] = []
  for (const record of records) {
    context.say(`run ${record.runId}`)
    events.push(...lineageEvents({ namespace, record, tables: await tablesOf(context.store, record) }))
  }
  return { runs: records.length, events }
}

/** A run, or the finished runs of a pipeline, the oldest first. @throws SlipwayError NOT_FOUND */
async function recordsOf({ store, say }: StoreContext, what: string): Promise<RunRecord[]> {
  const one = await readWholeRun(store, what)
  if (one !== undefined) return [one]
  const all = (await listRuns(store, what, Number.POSITIVE_INFINITY, say)).reverse()
  if (all.length > 0) return Promise.all(all.map(async (record) => (await readWholeRun(store, record.runId)) ?? record))
  throw new SlipwayError('NOT_FOUND', `there is no finished run ${what}, and none of a pipeline "${what}"`, {
    next: 'see `slipway runs`',
  })
}

/** The tables that a run took from sources. */
async function tablesOf(store: Store, { plan: { digest }, steps }: RunRecord): Promise<LineageTable[]> {
  const plan = await getPlan(store, digest)
  const from = new Map(
    plan.steps.flatMap((step) => (step.kind === 'snapshot' ? [[nameOfStep(step), step.from] as const] : [])),
  )
  const tables: LineageTable[] = []
  for (const { kind, name, outputs } of steps) {
    const table = outputs.find((output) => output.name === 'table')
    if (kind !== 'snapshot' || table === undefined) continue
    const { files } = await getBundle(store, table.digest, 'table', 'snapshot')
    const { rows, schema, profile: quality } = await readSourceRead(store, table.digest)
    const data = Object.entries(files).flatMap(([path, file]) => (path.startsWith('data/') ? [file.size] : []))
    tables.push({
      name,
      from: from.get(nameOfStep({ id: name })) ?? name,
      digest: table.digest,
      rows,
      files: data.length,
      size: data.reduce((sum, size) => sum + size, 0),
      columns: schema.map((column) => ({ name: column.name, type: column.type })),
      quality,
    })
  }
  return tables
}
