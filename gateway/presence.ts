import type { GatewayPresence } from '../lib/formats/telemetry.ts'
import { publishPresence } from '../lib/store/routes.ts'
import type { Store } from '../lib/store/store.ts'
import type { Endpoint } from './endpoint.ts'
import type { Outbox } from './outbox.ts'
import type { StoreLink } from './store-link.ts'

/** What a gateway says of itself to those who wait for a route to be applied, or for its windows. */
export function presenceOf(
  self: Pick<GatewayPresence, 'id' | 'address' | 'startedAt' | 'sentUpTo'>,
  endpoints: readonly Endpoint[],
  outbox: Outbox,
): GatewayPresence {
  return {
    slipway: 'gateway/1',
    ...self,
    at: new Date().toISOString(),
    endpoints: Object.fromEntries(endpoints.map((endpoint) => [endpoint.name, appliedBy(endpoint, outbox)])),
  }
}

function appliedBy(
  { name, route, refusal, suspendedAt }: Endpoint,
  outbox: Outbox,
): GatewayPresence['endpoints'][string] {
  return {
    revision: route?.revision ?? 0,
    champion: route?.champion.digest ?? `sha256:${'0'.repeat(64)}`,
    candidate: route?.rollout?.candidate.digest ?? null,
    share: route?.rollout?.share ?? 0,
    ...(suspendedAt !== undefined && { suspended: suspendedAt }),
    refused: refusal,
    nextWindow: outbox.next(name),
  }
}

/** Publishes what a gateway applies, again and again: one word after another, so that the newest wins. Never fails. */
export function createPresenceTeller(
  store: Store,
  link: StoreLink,
  presence: () => GatewayPresence,
): () => Promise<void> {
  let telling = Promise.resolve()
  return () => {
    telling = telling.then(() => publishPresence(store, presence())).then(link.answered, link.failed)
    return telling
  }
}
