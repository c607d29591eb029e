import { answersOver, errors, policyOf } from '../lib/definition/deploy.ts'
import type { Duration } from '../lib/definition/duration.ts'
import { monitorPolicyOf, psi } from '../lib/definition/monitor.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { StepOf } from '../lib/formats/plan.ts'

/** How a version that is registered without a pipeline comes to an endpoint, and how that is watched. */
export interface DeploymentOptions {
  readonly endpoint?: string
  /** Shares in percent, with commas. */
  readonly canary?: string
  readonly shadow?: boolean
  readonly minSamples?: string
  readonly slow?: string
  readonly within?: string
  readonly checkEvery?: string
  readonly psi?: string
  readonly minRows?: string
}

/** Options that say something of another one, or of one of several. */
const needs: readonly (readonly [keyof DeploymentOptions, ...(keyof DeploymentOptions)[]])[] = [
  ['canary', 'endpoint'],
  ['shadow', 'endpoint'],
  ['checkEvery', 'endpoint'],
  ['minSamples', 'canary', 'shadow'],
  ['slow', 'canary'],
  ['within', 'canary'],
  ['psi', 'checkEvery'],
  ['minRows', 'checkEvery'],
]

const flagOf = (option: string): string => `--${option.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`

/** @throws SlipwayError USAGE for an option that says something of one that is not given */
export function requireDeployment(options: DeploymentOptions): void {
  for (const [option, ...others] of needs) {
    if (options[option] === undefined || others.some((other) => options[other] !== undefined)) continue
    const missing = others.map(flagOf).join(' or ')
    throw new SlipwayError('USAGE', `${flagOf(option)} says nothing without ${missing}`, {
      next: `add ${missing}, or leave it out`,
    })
  }
}

/** The steps that serve a package, and watch it; none where no endpoint is named. */
export function deploymentSteps(
  model: string,
  options: DeploymentOptions,
): [] | [StepOf<'deploy'>, ...StepOf<'monitor'>[]] {
  const { endpoint, checkEvery, minRows } = options
  if (endpoint === undefined) return []
  const of = { package: 'package', model, endpoint }
  const deploy = { id: 'deploy', kind: 'deploy', ...of, policy: rolloutOf(endpoint, options) } as const
  if (checkEvery === undefined) return [deploy]
  const policy = monitorPolicyOf({
    every: checkEvery as Duration,
    drift: psi.over(Number(options.psi ?? 0.2)),
    ...(minRows !== undefined && { minRows: Number(minRows) }),
  })
  return [deploy, { id: 'monitor', kind: 'monitor', ...of, policy, time: null }]
}

function rolloutOf(endpoint: string, { canary, shadow, minSamples, slow, within }: DeploymentOptions) {
  const samples = minSamples === undefined ? {} : { minSamples: Number(minSamples) }
  const mirrored = shadow === undefined ? {} : { shadow: samples }
  if (canary === undefined) return policyOf({ endpoint, allAtOnce: true, ...mirrored })
  return policyOf({
    endpoint,
    ...mirrored,
    canary: {
      steps: canary.split(',').map(Number),
      ...samples,
      watch: [errors.notWorseBy(0.005), answersOver(Number(slow ?? 250)).notWorseBy(0.01)],
      ...(within !== undefined && { within: within as Duration }),
    },
  })
}
