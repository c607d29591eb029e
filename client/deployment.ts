import { answersOver, errors, policyOf } from '../lib/definition/deploy.ts'
import type { Duration } from '../lib/definition/duration.ts'
import { monitorPolicyOf, psi } from '../lib/definition/monitor.ts'
import type { StepOf } from '../lib/formats/plan.ts'

/** How a version that is registered without a pipeline comes to an endpoint, and how that is watched. */
export interface Deployment {
  readonly endpoint: string
  /** By a canary; without it all at once. */
  readonly canary?: {
    /** Shares of requests, in percent. */
    readonly steps: readonly number[]
    /** Requests that a step has at least; 200. */
    readonly minSamples?: number
    /** Answers that take longer count as slow, ms; 250. */
    readonly slowMs?: number
    /** How long its rollout may take; 24h. */
    readonly within?: Duration
  }
  /** Mirrors requests to it first, whose answers nobody gets. */
  readonly shadow?: { readonly minSamples?: number }
  /** Watches the endpoint for drift. */
  readonly monitor?: {
    readonly every: Duration
    /** Drift that is an alarm; 0.2. */
    readonly psi?: number
    /** Rows or items that a check needs; 500. */
    readonly minRows?: number
  }
}

/** The steps that serve a package, and watch it; none where nothing is said. */
export function deploymentSteps(
  model: string,
  deployment: Deployment | undefined,
): [] | [StepOf<'deploy'>, ...StepOf<'monitor'>[]] {
  if (deployment === undefined) return []
  const { endpoint, monitor } = deployment
  const of = { package: 'package', model, endpoint }
  const deploy = { id: 'deploy', kind: 'deploy', ...of, policy: rolloutOf(deployment) } as const
  if (monitor === undefined) return [deploy]
  const { every, psi: limit = 0.2, minRows } = monitor
  const policy = monitorPolicyOf({ every, drift: psi.over(limit), ...(minRows !== undefined && { minRows }) })
  return [deploy, { id: 'monitor', kind: 'monitor', ...of, policy, time: null }]
}

function rolloutOf({ endpoint, canary, shadow }: Deployment) {
  const mirrored = shadow === undefined ? {} : { shadow }
  if (canary === undefined) return policyOf({ endpoint, allAtOnce: true, ...mirrored })
  const { steps, slowMs = 250, ...limits } = canary
  const watch = [errors.notWorseBy(0.005), answersOver(slowMs).notWorseBy(0.01)]
  return policyOf({ endpoint, ...mirrored, canary: { steps: [...steps], ...limits, watch } })
}
