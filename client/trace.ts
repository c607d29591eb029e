import { withDuckDb } from '../lib/data/duckdb.ts'
import { findRequest } from '../lib/data/served.ts'
import type { ArtifactRef } from '../lib/formats/artifact.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import { servedClass, servedNumber } from '../lib/formats/telemetry.ts'
import { modelFactsOf } from '../lib/models/model.ts'
import { readLastReport } from '../lib/store/monitors.ts'
import { getBundle, localFile } from '../lib/store/objects.ts'
import { readModel, readVersion } from '../lib/store/registry.ts'
import { findWindow, listEndpoints, listWindowGateways, readRoute } from '../lib/store/routes.ts'
import { readWholeRun } from '../lib/store/runs.ts'
import type { Store } from '../lib/store/store.ts'
import type { StoreContext } from './context.ts'

/** Windows a gateway may have sent since the last check, at most, that are looked through. */
const newest = 2_000

/** A prediction with what it was made by and from; nulls where that is not on record. */
export interface PredictionDocument {
  readonly request: string
  readonly endpoint: string
  readonly model: { readonly name: string; readonly version: number; readonly digest: string | null }
  /** Columns of the input that are not shown to people. */
  readonly masked: readonly string[]
  readonly run: string | null
  readonly snapshot: string | null
  readonly commit: string | null
  /** `dirty` where something was not committed. */
  readonly tree: string | null
  readonly rows: readonly TracedRow[]
}

/** A captured prediction, as `slipway trace --json` prints it. @throws SlipwayError NOT_FOUND */
export async function readPrediction({ store }: StoreContext, request: string): Promise<PredictionDocument> {
  const found = await findPrediction(store, request)
  if (found !== undefined) return found
  throw new SlipwayError('NOT_FOUND', `no captured row has the request id "${request}"`, {
    next: 'gateways keep a share of requests: see SLIPWAY_CAPTURE_RATE; the newest are there after some seconds',
  })
}

/** The rows of a request that were captured, and what predicted them. */
export async function findPrediction(store: Store, request: string): Promise<PredictionDocument | undefined> {
  for (const endpoint of await listEndpoints(store)) {
    const rows = await rowsOf(store, endpoint, request)
    if (rows.length > 0) return { request, endpoint, ...(await lineageOf(store, endpoint, rows)) }
  }
  return undefined
}

/** A row of a request that was answered. */
export interface TracedRow {
  readonly row: number
  readonly at: string
  readonly role: string
  readonly version: number
  readonly prediction: number
  /** Of several targets or quantiles each of them, by name. */
  readonly predictions?: Readonly<Record<string, number>>
  /** Of several classes the one that was answered; the prediction is its probability. */
  readonly answer?: string
  readonly input: Readonly<Record<string, unknown>>
  readonly label: { readonly value: number | string | readonly number[]; readonly knownAt: string } | null
}

/** Looks in the tables that checks made, then in what gateways sent since. */
async function rowsOf(store: Store, endpoint: string, request: string): Promise<TracedRow[]> {
  const report = await readLastReport(store, endpoint)
  const local = (refs: readonly ArtifactRef[]): Promise<string[]> =>
    Promise.all(refs.map(({ digest }) => localFile(store, digest)))
  const find = async (refs: readonly ArtifactRef[]) => {
    const files = await local(refs)
    return withDuckDb(2, (connection) => findRequest(connection, files, request))
  }
  let rows = await find((report?.next.served ?? []).map(({ table }) => table))
  if (rows.length === 0) rows = await find(await capturesSince(store, endpoint, report?.next.cursors ?? {}))
  if (rows.length === 0) return []
  const labels = await find((report?.next.labelled ?? []).map(({ table }) => table))
  return rows.map((row) => {
    const known = labels
      .filter((label) => label.slipway_row === row.slipway_row)
      .sort((a, b) => Number(b.slipway_known) - Number(a.slipway_known))[0]
    return {
      row: Number(row.slipway_row),
      at: new Date(row.slipway_time as string | Date).toISOString(),
      role: String(row.slipway_role),
      version: Number(row.slipway_version),
      prediction: Number(row.slipway_score),
      ...(typeof row[servedClass] === 'string' ? { answer: row[servedClass] } : numbersOf(row)),
      input: Object.fromEntries(Object.entries(row).filter(([name]) => !name.startsWith('slipway_'))),
      label:
        known === undefined
          ? null
          : { value: labelOf(known.slipway_label), knownAt: new Date(Number(known.slipway_known)).toISOString() },
    }
  })
}

/** The numbers that a row was answered with, where there are several. */
function numbersOf(row: Readonly<Record<string, unknown>>): Pick<TracedRow, 'predictions'> {
  const numbers = Object.entries(row).flatMap(([column, value]) => {
    const name = servedNumber(column)
    return name === undefined || value === null ? [] : [[name, Number(value)] as const]
  })
  return numbers.length === 0 ? {} : { predictions: Object.fromEntries(numbers) }
}

/** Labels of classes are texts, those of several targets lists. */
function labelOf(value: unknown): number | string | readonly number[] {
  if (Array.isArray(value)) return value.map(Number)
  return typeof value === 'string' ? value : Number(value)
}

async function capturesSince(
  store: Store,
  endpoint: string,
  cursors: Readonly<Record<string, number>>,
): Promise<ArtifactRef[]> {
  const captures: ArtifactRef[] = []
  for (const gateway of await listWindowGateways(store, endpoint)) {
    for (let seq = cursors[gateway] ?? 0; seq < (cursors[gateway] ?? 0) + newest; seq++) {
      const window = await findWindow(store, endpoint, gateway, seq)
      if (window === undefined) break
      if (window?.capture) captures.push(window.capture)
    }
  }
  return captures
}

async function lineageOf(store: Store, endpoint: string, rows: readonly TracedRow[]) {
  const route = await readRoute(store, endpoint)
  const name = route?.champion.model ?? endpoint
  const { version } = rows[0] as TracedRow
  const digest = (await readModel(store, name))?.versions[version - 1]
  const record = digest === undefined ? undefined : await readVersion(store, name, digest)
  const facts = digest === undefined ? undefined : modelFactsOf(await getBundle(store, digest, 'model'))
  const run = record === undefined ? undefined : await readWholeRun(store, record.run)
  return {
    model: { name, version, digest: digest ?? null },
    masked: (facts?.inputs ?? []).filter(({ masked }) => masked === true).map(({ name: column }) => column),
    run: record?.run ?? null,
    snapshot: facts?.snapshot ?? null,
    commit: run?.origin.commit ?? null,
    tree: run?.origin.tree ?? null,
    rows,
  }
}
