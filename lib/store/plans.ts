import { z } from 'zod'
import type { ArtifactRef } from '../formats/artifact.ts'
import type { Plan } from '../formats/plan.ts'
import { packPlan, unpackPlan } from '../formats/stored-plan.ts'
import { digestOfJson } from './digest.ts'
import { getJson, putJson } from './objects.ts'
import type { Store } from './store.ts'

export const putPlan = (store: Store, plan: Plan): Promise<ArtifactRef> => putJson(store, packPlan(plan))

/** The digest a plan has in a store. */
export const digestOfPlan = (plan: Plan): string => digestOfJson(packPlan(plan))

/** Plans that are remembered: step after step asks for the same one. */
const kept = 8
const plans = new Map<string, Promise<Plan>>()

const StoredPlan = z.unknown().transform(unpackPlan)

/** A plan by its digest, verified and checked. */
export function getPlan(store: Store, digest: string): Promise<Plan> {
  const known = plans.get(digest)
  if (known !== undefined) return known
  const plan = getJson(store, digest, StoredPlan)
  plan.catch(() => plans.delete(digest))
  plans.set(digest, plan)
  for (const oldest of plans.keys()) if (plans.size > kept) plans.delete(oldest)
  return plan
}
