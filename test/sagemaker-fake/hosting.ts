import type { CreateEndpointConfigInput, ProductionVariant } from '@aws-sdk/client-sagemaker'
import type { ServingContainer } from './serving.ts'
import type { World } from './world.ts'

/** A variant of an endpoint, with the server of its model. */
export interface ServedVariant {
  readonly request: ProductionVariant
  readonly fleet: ServingContainer
  currentWeight: number
  desiredWeight: number
  count: number
}

/** An endpoint as the fake has it. */
export interface FakeEndpoint {
  readonly name: string
  readonly arn: string
  readonly createdAt: number
  modifiedAt: number
  status: 'Creating' | 'Updating' | 'RollingBack' | 'InService' | 'Failed' | 'Deleting'
  config: string
  failure?: string
  /** Configuration that it is on its way to. */
  pending?: string
  production: ServedVariant[]
  shadow: ServedVariant[]
  /** Of the last update. */
  deployment?: unknown
  /** Shares that the last update gave its fleet under alarms, one after another. */
  shifted?: number[]
  /** Share of requests that a fleet on its way gets, while SageMaker shifts traffic to it. */
  shifting?: { readonly production: ServedVariant[]; share: number }
}

/** One request of a variant, as CloudWatch counts it. */
export interface Invocation {
  readonly endpoint: string
  readonly variant: string
  /** Milliseconds since 1970. */
  readonly at: number
  /** What the container answered. */
  readonly status: number
  readonly latencyMicroseconds: number
}

/** What the families around endpoints share. */
export interface FakeHosting {
  readonly configs: Map<string, { readonly request: CreateEndpointConfigInput; readonly createdAt: number }>
  readonly endpoints: Map<string, FakeEndpoint>
  readonly invocations: Invocation[]
  /** States of alarms by their names: `OK`, `ALARM`. */
  readonly alarms: Map<string, 'OK' | 'ALARM'>
  /** How captured requests are written: how long after the answer, ms; backwards; and in how many files each. */
  capturing: { readonly afterMs: number; readonly isBackwards?: boolean; readonly copies?: number }
}

const hostings = new WeakMap<World, FakeHosting>()

export function hostingIn(world: World): FakeHosting {
  const known = hostings.get(world)
  if (known !== undefined) return known
  const made: FakeHosting = {
    configs: new Map(),
    endpoints: new Map(),
    invocations: [],
    alarms: new Map(),
    capturing: { afterMs: 300 },
  }
  hostings.set(world, made)
  return made
}
