import { SlipwayError } from '../lib/formats/errors.ts'
import type { Route } from '../lib/formats/route.ts'
import type { RowSchema } from '../lib/formats/row-schema.ts'
import { listEndpoints, readRoute } from '../lib/store/routes.ts'
import { requestRows } from '../lib/store/snapshots.ts'
import type { Store } from '../lib/store/store.ts'

/** What an endpoint serves. @throws SlipwayError NOT_FOUND, with a word about which there are */
export async function requireRoute(store: Store, endpoint: string): Promise<Route> {
  const route = await readRoute(store, endpoint)
  if (route !== undefined) return route
  const all = await listEndpoints(store)
  throw new SlipwayError('NOT_FOUND', `there is no endpoint "${endpoint}"; there are ${all.join(', ') || 'none yet'}`, {
    next: 'give the pipeline a p.deploy, and run it',
  })
}

/**
 * The rows that requests to an endpoint have: without what it looks up, with the keys.
 * @throws SlipwayError NOT_FOUND
 */
export const requestSchemaOf = async (store: Store, endpoint: string): Promise<RowSchema> =>
  requestRows(store, await requireRoute(store, endpoint))
