import { BranchesRecord, RunRecord } from '../formats/records.ts'
import { passOver } from './broken.ts'
import { listKeys, publishOnce, readDocument } from './documents.ts'
import type { Store } from './store.ts'

const runKey = (runId: string): string => `runs/${runId}.json`

export async function publishRun(store: Store, record: RunRecord): Promise<RunRecord> {
  return (await publishOnce(store, runKey(record.runId), RunRecord, record)).value
}

export async function readRun(store: Store, runId: string): Promise<RunRecord | undefined> {
  return (await readDocument(store, runKey(runId), RunRecord))?.value
}

/** The same with what its branches did. */
export async function readWholeRun(store: Store, runId: string): Promise<RunRecord | undefined> {
  const run = await readRun(store, runId)
  return run && withBranches(store, run)
}

const branchesKey = (runId: string, group: number): string => `branches/${runId}/${String(group).padStart(4, '0')}.json`

export async function publishBranches(store: Store, record: BranchesRecord): Promise<void> {
  await publishOnce(store, branchesKey(record.runId, record.group), BranchesRecord, record)
}

/**
 * A run with what its branches did, where that has records of its own; those that are not there yet, or broken, are
 * left out.
 */
export async function withBranches(store: Store, run: RunRecord): Promise<RunRecord> {
  const read = (_: unknown, group: number) =>
    passOver(readDocument(store, branchesKey(run.runId, group), BranchesRecord))
  const found = await Promise.all(Array.from({ length: run.groups ?? 0 }, read))
  const groups = found.flatMap((each) => each?.value ?? [])
  if (groups.length === 0) return run
  return {
    ...run,
    steps: [...run.steps, ...groups.flatMap(({ steps }) => steps)],
    gates: [...run.gates, ...groups.flatMap(({ gates }) => gates)],
    failures: [...(run.failures ?? []), ...groups.flatMap(({ failures }) => failures)],
    notBegun: [...(run.notBegun ?? []), ...groups.flatMap(({ notBegun }) => notBegun)],
  }
}

/**
 * Finished runs, newest first; ids sort by time within a pipeline.
 * @param onBroken hears of records that cannot be read; the others are there all the same
 */
export async function listRuns(
  store: Store,
  pipeline?: string,
  limit = 20,
  onBroken: (what: string) => void = () => {},
): Promise<RunRecord[]> {
  const keys = await listKeys(store, pipeline === undefined ? 'runs/' : `runs/${pipeline}-`, Number.POSITIVE_INFINITY)
  const ids = keys.map((key) => key.slice('runs/'.length, -'.json'.length))
  const byTime = ids.sort((a, b) => timePart(b).localeCompare(timePart(a)))
  const records = await Promise.all(byTime.slice(0, limit).map((id) => passOver(readRun(store, id), onBroken)))
  return records.flatMap((record) =>
    record !== undefined && (pipeline === undefined || record.pipeline === pipeline) ? [record] : [],
  )
}

/** `flights-20261122-034512-k3x9` → `20261122-034512-k3x9`. */
function timePart(runId: string): string {
  return /\d{8}-\d{6}-\w+$/.exec(runId)?.[0] ?? runId
}
