import { TableFacts } from '../../data/local-table.ts'
import type { Bundle } from '../../formats/artifact.ts'
import type { PlanOutline } from '../../formats/plan-outline.ts'
import type { SourceContents } from '../../formats/source-contents.ts'
import { hexOf } from '../../store/digest.ts'
import { getBundle } from '../../store/objects.ts'
import type { Store } from '../../store/store.ts'
import { outputOnRecord, type StepOnRecord } from './on-record.ts'

/** What a run read: the contents of its sources, and the snapshots that it was given instead, by step. */
export interface RecordedInputs {
  readonly contents: Readonly<Record<string, SourceContents>>
  readonly snapshots: Readonly<Record<string, string>>
}

/**
 * What the snapshots of a run hold: their sources are not asked again.
 * @param wanted the steps that are looked at
 */
export async function recordedInputs(
  store: Store,
  wanted: PlanOutline['steps'],
  steps: ReadonlyMap<string, StepOnRecord>,
): Promise<RecordedInputs> {
  const contents: Record<string, SourceContents> = {}
  const snapshots: Record<string, string> = {}
  for (const { id, kind } of wanted) {
    const step = steps.get(id)
    const table = kind === 'snapshot' ? outputOnRecord(step, 'table') : undefined
    if (table === undefined) continue
    // A run that was given a snapshot has no other key for it.
    if (step?.stepKey === hexOf(table.digest)) snapshots[id] = table.digest
    else contents[id] = contentsOf(await getBundle(store, table.digest, 'snapshot'))
  }
  return { contents, snapshots }
}

/** The list of files that a snapshot was made of. */
function contentsOf({ files, facts }: Bundle): SourceContents {
  const known = TableFacts.parse(facts).files ?? []
  const data = Object.keys(files)
    .filter((name) => name.startsWith('data/'))
    .sort()
  return data.map((name, i) => {
    const { digest, size } = files[name] as Bundle['files'][string]
    return { digest, size, ...known[i] } as SourceContents[number]
  })
}
