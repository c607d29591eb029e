import type { StoreContext } from '../client/context.ts'
import type { RunDocument } from '../client/run-document.ts'

/** The value that a run's error is about, as whoever may read the store sees it; DuckDB is loaded for one only. */
export async function valueOfError(context: StoreContext, { error }: RunDocument): Promise<string | undefined> {
  if (error?.cell === undefined) return undefined
  return (await import('../client/value-at.ts')).valueAt(context, error.cell)
}
