import { SlipwayError } from '../../lib/formats/errors.ts'
import type { RunRecord } from '../../lib/formats/records.ts'
import { nameOfStep } from '../../lib/formats/step-names.ts'
import { readSourceRead } from '../../lib/models/source-read.ts'
import { getBundle } from '../../lib/store/objects.ts'
import { getPlan } from '../../lib/store/plans.ts'
import { listRuns, readWholeRun } from '../../lib/store/runs.ts'
import type { Store } from '../../lib/store/store.ts'
import { type LineageTable, lineageEvents } from '../../lib/tracking/openlineage.ts'
import { sendLineage } from '../../lib/tracking/send-lineage.ts'
import { openStoreContext } from '../context.ts'
import { type JsonOption, writeTo } from '../options.ts'
import { print, printJson, say } from '../output.ts'

export interface LineageOptions extends JsonOption {
  /** A file, or the address of a server. */
  readonly to: string
  readonly namespace?: string
}

/** `export openlineage <run or pipeline> --to <file or address>`: finished runs as events of OpenLineage. */
export async function exportOpenLineage(what: string, options: LineageOptions): Promise<number> {
  const { to, namespace = 'slipway', json } = options
  const { store } = openStoreContext()
  const records = await recordsOf(store, what)
  const events: object[] = []
  for (const record of records) {
    say(`run ${record.runId}`)
    events.push(...lineageEvents({ namespace, record, tables: await tablesOf(store, record) }))
  }
  const key = process.env.OPENLINEAGE_API_KEY
  if (/^https?:\/\//.test(to)) await sendLineage(to, events, key === undefined ? undefined : `Bearer ${key}`)
  else writeTo('--to', to, events.map((event) => `${JSON.stringify(event)}\n`).join(''))
  if (json === true) printJson({ to, runs: records.length, events: events.length })
  else print(`${events.length} events of ${records.length} runs are at ${to}`)
  return 0
}

/** A run, or the finished runs of a pipeline, the oldest first. @throws SlipwayError NOT_FOUND */
async function recordsOf(store: Store, what: string): Promise<RunRecord[]> {
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
