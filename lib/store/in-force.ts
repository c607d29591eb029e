import type { InForce } from '../formats/in-force.ts'
import { inForceFor } from '../stats/registration.ts'
import { getBundle } from './objects.ts'
import { readModel } from './registry.ts'
import { readRoute } from './routes.ts'
import type { Store } from './store.ts'

/**
 * What a candidate would replace, and what it is compared with. Versions that take other rows are not compared: a new
 * signature begins a line of champions of its own.
 * @param endpoint where it is deployed to, null for nowhere
 */
export async function findInForce(
  store: Store,
  model: string,
  candidate: string,
  endpoint: string | null,
): Promise<InForce> {
  const [state, route] = await Promise.all([
    readModel(store, model),
    endpoint === null ? undefined : readRoute(store, endpoint),
  ])
  const found = inForceFor(candidate, model, state, route)
  const { opponent: baseline } = found
  if (baseline === null) return found
  const digests = [candidate, baseline.digest]
  const [own, other] = await Promise.all(digests.map((digest) => getBundle(store, digest, 'model')))
  const areAlike = (own?.facts.signature ?? 1) === (other?.facts.signature ?? 1)
  return areAlike ? found : { ...found, opponent: null }
}
