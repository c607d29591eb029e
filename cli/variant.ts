import { SlipwayError } from '../lib/formats/errors.ts'
import { Variant } from '../lib/formats/route.ts'
import { championOf, readModel } from '../lib/store/registry.ts'
import { readRoute } from '../lib/store/routes.ts'
import type { Store } from '../lib/store/store.ts'

/**
 * `flights`, `flights@3`, `flights@champion`: a version of a model, by its own name or that of an endpoint that serves it. Without a
 * number the champion: of the endpoint, where there is one.
 * @throws SlipwayError NOT_FOUND
 */
export async function findVariant(store: Store, what: string): Promise<Variant> {
  const [name = '', which = 'champion'] = what.split('@')
  const route = await readRoute(store, name)
  if (route !== undefined && which === 'champion') return route.champion
  const model = route?.champion.model ?? name
  const state = await readModel(store, model)
  const digest = which === 'champion' ? championOf(state) : state?.versions[Number(which) - 1]
  if (state !== undefined && digest !== undefined)
    return Variant.parse({ model, version: state.versions.indexOf(digest) + 1, digest })
  throw new SlipwayError(
    'NOT_FOUND',
    `there is no ${which === 'champion' ? 'champion' : `version ${which}`} of "${name}"`,
    { next: 'see `npx slipway models`' },
  )
}
