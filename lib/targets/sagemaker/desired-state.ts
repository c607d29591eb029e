import { SlipwayError } from '../../formats/errors.ts'
import type { Guardrails } from '../../formats/guardrails.ts'
import type { Hosting } from '../../formats/hosting.ts'
import { type ModelVersion, type Route, versionsOf } from '../../formats/route.ts'

/** A version as a variant of an endpoint. */
export interface DesiredVariant {
  readonly name: string
  readonly version: ModelVersion
  readonly hosting: Hosting
  /** Of production variants their share of requests; of a shadow variant the share that is mirrored to it. */
  readonly weight: number
}

/** What SageMaker is to serve by a route. */
export interface DesiredState {
  /** SageMaker's name of the endpoint. */
  readonly endpoint: string
  readonly revision: number
  readonly production: readonly DesiredVariant[]
  readonly shadow: readonly DesiredVariant[]
  /** Versions whose models stay though nothing serves them: going back to one needs no upload. */
  readonly kept: readonly ModelVersion[]
  /** What holds for the endpoint as a whole: that of the version that came last. */
  readonly hosting: Hosting
  /** How SageMaker moves traffic to it, and what has it go back; missing where it moves everything at once. */
  readonly guardrails?: Guardrails
  /**
   * Of guarded ones: the champion under the name that the candidate is to have. SageMaker shifts traffic between fleets
   * of one name; between others it silently moves everything at once.
   */
  readonly before?: DesiredState
}

/**
 * A variant's name: `v3-1f2e3d4c5b6a`. One version has one name, wherever it is served, unless its hosting names one
 * for all versions.
 */
export const variantOf = (
  { version, digest }: Pick<ModelVersion, 'version' | 'digest'>,
  { variant }: Pick<Hosting, 'variant'> = {},
): string => variant ?? `v${version}-${digest.slice('sha256:'.length, 'sha256:'.length + 12)}`

/** SageMaker's name of an endpoint, from how one of its versions is hosted. */
export const endpointNameOf = (endpoint: string, { endpoint: own }: Hosting): string =>
  own ?? endpoint.replace(/-+$/, '')

/**
 * How a version is hosted; one that nobody deployed there, which somebody goes back to, as another one of its route is.
 * @throws SlipwayError ROUTE_CONFLICT for a route none of whose versions was deployed to SageMaker
 */
export function hostingOf(route: Route, version: ModelVersion = route.champion): Hosting {
  const hosting = version.hosting ?? versionsOf(route).find((each) => each?.hosting !== undefined)?.hosting
  if (hosting !== undefined) return hosting
  throw new SlipwayError('ROUTE_CONFLICT', `endpoint ${route.endpoint} was not deployed to SageMaker`, {
    next: 'deploy it under a name of its own: p.deploy(candidate, { endpoint, target: sagemakerEndpoint({ … }) })',
  })
}

/** Whether an endpoint has one variant alone. */
export const hasOneVariant = ({ serverless, asynchronous, variant }: Hosting): boolean =>
  serverless !== undefined || asynchronous !== undefined || variant !== undefined

/**
 * What SageMaker is to serve by a route. A split is two production variants with weights. A shadow is a shadow variant;
 * while a candidate that has taken over bakes, the champion is its shadow. Endpoints with one variant serve one version
 * at a time: a candidate takes over as its rollout begins, which goes on once SageMaker has moved everything.
 * @throws SlipwayError ROUTE_CONFLICT
 */
export function desiredStateOf(route: Route): DesiredState {
  const { endpoint, revision, champion, previous, rollout } = route
  const hosting = hostingOf(route, rollout?.candidate ?? champion)
  const variant = (version: ModelVersion, weight: number): DesiredVariant => ({
    name: variantOf(version, hostingOf(route, version)),
    version,
    hosting: hostingOf(route, version),
    weight,
  })
  const names = new Set(versionsOf(route).flatMap((each) => each?.hosting?.endpoint ?? []))
  if (names.size > 1)
    throw new SlipwayError(
      'ROUTE_CONFLICT',
      `endpoint ${endpoint} has two names on SageMaker: ${[...names].join(', ')}`,
      {
        next: 'keep the name that it has, or deploy it under another name here too',
      },
    )
  const kept = [previous, rollout?.candidate].flatMap((each) => each ?? [])
  const state = { endpoint: endpointNameOf(endpoint, hostingOf(route)), revision, kept, hosting, shadow: [] }
  if (rollout !== null && hasOneVariant(hosting)) {
    const { candidate, guardrails } = rollout
    const production = [variant(candidate, 1)]
    if (guardrails === undefined) return { ...state, kept: [...kept, champion], production }
    const named = { ...hostingOf(route, champion), variant: hosting.variant }
    const before = { ...state, hosting: named, revision: revision - 0.5 }
    const [name] = production.map((each) => each.name) as [string]
    return {
      ...state,
      kept: [...kept, champion],
      production,
      guardrails,
      before: { ...before, production: [{ name, version: champion, hosting: named, weight: 1 }] },
    }
  }
  if (rollout === null) {
    const keepsPrevious = previous !== null && hosting.keepPrevious === true && previous.digest !== champion.digest
    return { ...state, production: [variant(champion, 1), ...(keepsPrevious ? [variant(previous, 0)] : [])] }
  }
  const { candidate, mode, share } = rollout
  switch (mode) {
    case 'shadow':
      return { ...state, production: [variant(champion, 1)], shadow: [variant(candidate, share)] }
    case 'bake':
      return { ...state, production: [variant(candidate, 1)], shadow: [variant(champion, 1)] }
    case 'split':
      return { ...state, production: [variant(champion, 1 - share), variant(candidate, share)] }
  }
}
