import { nearest } from '../lib/code/nearest.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { PublishedView } from '../lib/formats/view.ts'
import { passOver } from '../lib/store/broken.ts'
import { listViews, readView as readPublished } from '../lib/store/views.ts'
import type { StoreContext } from './context.ts'

/** What is published of each view, as `slipway show views --json` prints it. */
export async function readViews({ store, say }: StoreContext): Promise<PublishedView[]> {
  const names = await listViews(store)
  return (await Promise.all(names.map((name) => passOver(readPublished(store, name), say)))).flatMap(
    (view) => view ?? [],
  )
}

/** What is published of a view, as `slipway show view:<name> --json` prints it. @throws SlipwayError NOT_FOUND */
export async function readView({ store }: StoreContext, name: string): Promise<PublishedView> {
  const view = await readPublished(store, name)
  if (view !== undefined) return view
  const meant = nearest(name, await listViews(store))
  throw new SlipwayError('NOT_FOUND', `no view "${name}" is published`, {
    next: meant === undefined ? 'see `slipway show views`' : `did you mean "view:${meant}"?`,
  })
}
