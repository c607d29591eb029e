import type { Digest } from '../formats/artifact.ts'
import type { Plan, StepOf } from '../formats/plan.ts'
import { stepOf } from '../formats/step-inputs.ts'
import { PublishedView } from '../formats/view.ts'
import { type Publication, publishView } from '../stats/views.ts'
import { digestOfJson } from './digest.ts'
import { listKeys } from './documents.ts'
import { readRef, updateRef } from './refs.ts'
import type { Store } from './store.ts'

const refName = (view: string): string => `views/${view}`

export async function readView(store: Store, view: string): Promise<PublishedView | undefined> {
  return (await readRef(store, refName(view), PublishedView))?.value
}

/** Names of all views, for people. */
export async function listViews(store: Store): Promise<string[]> {
  const keys = await listKeys(store, 'refs/views/')
  return keys.map((key) => key.slice('refs/views/'.length, -'.json'.length))
}

/**
 * The digest of what a view of a plan is: views of two pipelines are the same one where this is equal. Neither where
 * its rows come from counts nor what files and functions are called.
 */
export function definitionOf(plan: Plan, { table, schema, key, known }: StepOf<'publish'>): Digest {
  const { sql, run } = stepOf(plan, table, 'table')
  return digestOfJson({ sql, code: run?.digest, schema, key, known })
}

/**
 * Publishes a view by compare-and-swap. Its owner workflow is the writer.
 * @throws SlipwayError VIEW_DISAGREES
 */
export function writeView(store: Store, order: Publication): Promise<PublishedView> {
  const { name, pipeline, run } = order
  const at = new Date().toISOString()
  return updateRef(store, refName(name), PublishedView, `run ${run} of ${pipeline} publishes`, (current) =>
    publishView(current, order, at),
  )
}
