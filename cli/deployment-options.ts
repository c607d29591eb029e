import type { Deployment } from '../client/deployment.ts'
import type { Duration } from '../lib/definition/duration.ts'
import { SlipwayError } from '../lib/formats/errors.ts'

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

/**
 * What the options say; undefined where no endpoint is named.
 * @throws SlipwayError USAGE for an option that says something of one that is not given
 */
export function deploymentIn(options: DeploymentOptions): Deployment | undefined {
  for (const [option, ...others] of needs) {
    if (options[option] === undefined || others.some((other) => options[other] !== undefined)) continue
    const missing = others.map(flagOf).join(' or ')
    throw new SlipwayError('USAGE', `${flagOf(option)} says nothing without ${missing}`, {
      next: `add ${missing}, or leave it out`,
    })
  }
  const { endpoint, canary, shadow, minSamples, slow, within, checkEvery, psi, minRows } = options
  if (endpoint === undefined) return undefined
  const samples = minSamples === undefined ? {} : { minSamples: Number(minSamples) }
  return {
    endpoint,
    ...(canary !== undefined && {
      canary: {
        steps: canary.split(',').map(Number),
        ...samples,
        ...(slow !== undefined && { slowMs: Number(slow) }),
        ...(within !== undefined && { within: within as Duration }),
      },
    }),
    ...(shadow !== undefined && { shadow: samples }),
    ...(checkEvery !== undefined && {
      monitor: {
        every: checkEvery as Duration,
        ...(psi !== undefined && { psi: Number(psi) }),
        ...(minRows !== undefined && { minRows: Number(minRows) }),
      },
    }),
  }
}
