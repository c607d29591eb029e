import { withDuckDb } from '../../data/duckdb.ts'
import { localTable } from '../../data/local-table.ts'
import { checkKeys } from '../../data/view-keys.ts'
import { required, type StepInputs } from '../../formats/step-inputs.ts'
import type { Store } from '../../store/store.ts'
import type { StepResult, WorkOn } from '../step-work.ts'

/** Makes sure that a view's key names its rows, and hands its table on as it is. */
export async function checkView(
  { store }: { readonly store: Store },
  { step, progress, signal }: WorkOn<'publish'>,
  inputs: StepInputs,
): Promise<StepResult> {
  const source = required(inputs, 'table')
  progress('fetching the table', 0)
  const table = await localTable(store, source.digest)
  progress(`checking the keys of ${table.rows} rows`, 0.2)
  const keys = await withDuckDb(2, (connection) => checkKeys(connection, table, step, signal))
  return { outputs: [{ ...source, name: 'table' }], facts: { rows: table.rows, keys } }
}
