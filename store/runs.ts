import { RunRecord } from '../pipelines/records.ts'
import { listKeys, publishOnce, readDocument } from './documents.ts'
import type { Store } from './store.ts'

const runKey = (runId: string): string => `runs/${runId}.json`

export async function publishRun(store: Store, record: RunRecord): Promise<RunRecord> {
  const { value } = await publishOnce(store, runKey(record.runId), record)
  return RunRecord.parse(value)
}

export async function readRun(store: Store, runId: string): Promise<RunRecord | undefined> {
  const document = await readDocument(store, runKey(runId))
  return document === undefined ? undefined : RunRecord.parse(document.value)
}

/** Finished runs, newest first; ids sort by time within a pipeline. */
export async function listRuns(store: Store, pipeline?: string, limit = 20): Promise<RunRecord[]> {
  const keys = await listKeys(store, pipeline === undefined ? 'runs/' : `runs/${pipeline}-`, Number.POSITIVE_INFINITY)
  const ids = keys.map((key) => key.slice('runs/'.length, -'.json'.length))
  const byTime = ids.sort((a, b) => timePart(b).localeCompare(timePart(a)))
  const records = await Promise.all(byTime.slice(0, limit).map((id) => readRun(store, id)))
  return records.flatMap((record) =>
    record !== undefined && (pipeline === undefined || record.pipeline === pipeline) ? [record] : [],
  )
}

/** `flights-20261122-034512-k3x9` → `20261122-034512-k3x9`. */
function timePart(runId: string): string {
  return /\d{8}-\d{6}-\w+$/.exec(runId)?.[0] ?? runId
}
