import { z } from 'zod'
import { RouteRollout } from '../formats/route.ts'
import { publishOnce, readDocument } from './documents.ts'
import type { Store } from './store.ts'

/*
 * When a revision of a route was set out for with somebody else who serves, and when it was applied: `hosted/…`. What
 * they count is evidence of the revision that was in force at the time, so that must be on record.
 */

const Served = z.object({ digest: z.string(), version: z.int(), variant: z.string() })

/** What is set out for. */
export const HostingBegun = z.object({
  slipway: z.literal('hosting/1'),
  revision: z.int().positive(),
  /** Milliseconds since 1970. */
  at: z.number(),
  champion: Served,
  candidate: Served.nullable(),
  /** Share of requests that is written down with their answers; missing where none is. */
  capture: z.number().optional(),
  rollout: RouteRollout.pick({ id: true, mode: true, share: true, sticky: true, slowMs: true }).nullable(),
})
export type HostingBegun = z.infer<typeof HostingBegun>

const HostingApplied = z.object({ slipway: z.literal('hosting-applied/1'), at: z.number() })

const key = (endpoint: string, revision: number, what: string): string =>
  `hosted/${endpoint}/${String(revision).padStart(10, '0')}/${what}.json`

/** Says that a revision is set out for, once: whoever was first is right. */
export async function publishBegun(store: Store, endpoint: string, begun: HostingBegun): Promise<void> {
  await publishOnce(store, key(endpoint, begun.revision, 'begun'), HostingBegun, begun)
}

/** Says that a revision is applied, once. */
export async function publishApplied(store: Store, endpoint: string, revision: number, at: number): Promise<void> {
  await publishOnce(store, key(endpoint, revision, 'applied'), HostingApplied, { slipway: 'hosting-applied/1', at })
}

/** What is known of a revision; undefined where nobody ever set out for it. */
export async function readHosted(
  store: Store,
  endpoint: string,
  revision: number,
): Promise<{ readonly begun: HostingBegun; readonly appliedAt: number | null } | undefined> {
  const begun = (await readDocument(store, key(endpoint, revision, 'begun'), HostingBegun))?.value
  if (begun === undefined) return undefined
  const applied = await readDocument(store, key(endpoint, revision, 'applied'), HostingApplied)
  return { begun, appliedAt: applied?.value.at ?? null }
}
