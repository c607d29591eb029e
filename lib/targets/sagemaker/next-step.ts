import type { DesiredState, DesiredVariant } from './desired-state.ts'

/** A variant as SageMaker says that it is. */
export interface FoundVariant {
  readonly name: string
  readonly currentWeight: number
  readonly desiredWeight: number
}

/** An endpoint as SageMaker says that it is. */
export interface FoundEndpoint {
  readonly status: string
  /** Name of the configuration in force. */
  readonly config: string
  /** The configuration that it is on its way to; null where it is on none. */
  readonly pending: string | null
  readonly production: readonly FoundVariant[]
  /** Why it failed, or why the last update was taken back. */
  readonly failure: string | null
  /** The newest revision of the route that was set out for, by its tag. */
  readonly revision: number
  /** The revision that it was last updated for, and how long ago that is, ms. */
  readonly updated: { readonly revision: number; readonly agoMs: number } | null
}

/** What is to be done next for an endpoint to become what it should be. */
export type NextStep =
  | { readonly kind: 'create' | 'update' | 'delete' | 'done' }
  | { readonly kind: 'weights'; readonly weights: readonly { readonly name: string; readonly weight: number }[] }
  | { readonly kind: 'wait'; readonly why: string }
  /** It never will by itself. */
  | { readonly kind: 'refused'; readonly why: string }

/** Shares that differ by less are equal: weights are numbers of single precision. */
const tolerance = 1e-4

/** How long DescribeEndpoint may go on saying what was before an update, ms. */
export const settleMs = 20_000

const busy: ReadonlySet<string> = new Set(['Creating', 'Updating', 'SystemUpdating', 'RollingBack', 'Deleting'])

/**
 * The next step from what an endpoint is to what it is to be; a pure function, asked again after every step. Weights
 * come before variants that go, so that traffic is where it belongs while SageMaker takes minutes to give instances up.
 * @param isConfigured whether the configuration in force has the variants and parameters that are wanted, whatever its
 *   weights are
 * @param settle see `settleMs`
 */
export function nextStep(
  desired: DesiredState,
  found: FoundEndpoint | null,
  isConfigured: boolean,
  settle = settleMs,
): NextStep {
  if (found === null) return { kind: 'create' }
  const { status, failure, updated, revision, production } = found
  const because = failure === null ? '' : `: ${failure}`
  if (busy.has(status)) return { kind: 'wait', why: `${desired.endpoint} is ${status}` }
  if (status === 'Failed' || status === 'OutOfService')
    // A failed endpoint answers nobody, and can only be deleted: who asks for a newer revision begins anew.
    return revision < desired.revision
      ? { kind: 'delete' }
      : { kind: 'refused', why: `SageMaker endpoint ${desired.endpoint} is ${status}${because}` }
  if (status !== 'InService')
    return { kind: 'refused', why: `SageMaker endpoint ${desired.endpoint} is ${status}${because}` }
  if (!isConfigured && desired.production.every(({ name }) => production.some((each) => each.name === name))) {
    const weights = weightsToSet(desired.production, production)
    if (weights !== null) return { kind: 'weights', weights }
  }
  if (!isConfigured) {
    if (updated?.revision !== desired.revision) return { kind: 'update' }
    if (updated.agoMs < settle && failure === null) return { kind: 'wait', why: `${desired.endpoint} begins to update` }
    return { kind: 'refused', why: `SageMaker took the update of ${desired.endpoint} back${because}` }
  }
  const weights = weightsToSet(desired.production, production)
  if (weights !== null) return { kind: 'weights', weights }
  const late = desired.production.find(({ name }) => !isShare(name, desired.production, production, 'currentWeight'))
  if (late !== undefined) {
    const is = Number((production.find(({ name }) => name === late.name)?.currentWeight ?? 0).toPrecision(4))
    return { kind: 'wait', why: `${desired.endpoint}: variant ${late.name} has weight ${is}, not ${late.weight}` }
  }
  return { kind: 'done' }
}

type Weights = readonly { readonly name: string; readonly weight: number }[]

/** What is to be asked of SageMaker; null where that has been asked already. */
function weightsToSet(desired: readonly DesiredVariant[], found: readonly FoundVariant[]): Weights | null {
  const wanted = found.map(({ name }) => ({ name, weight: desired.find((each) => each.name === name)?.weight ?? 0 }))
  const isAsked = wanted.every(({ name }) => isShare(name, wanted, found, 'desiredWeight'))
  return isAsked ? null : wanted
}

/** Whether a variant has the share of all weights that it should have. */
function isShare(
  name: string,
  desired: Weights,
  found: readonly FoundVariant[],
  which: 'currentWeight' | 'desiredWeight',
): boolean {
  const wanted = desired.find((each) => each.name === name)?.weight ?? 0
  const is = found.find((each) => each.name === name)?.[which] ?? 0
  const sumWanted = desired.reduce((sum, { weight }) => sum + weight, 0)
  const sumIs = found.reduce((sum, each) => sum + each[which], 0)
  return sumIs > 0 && Math.abs(is / sumIs - wanted / sumWanted) < tolerance
}
