import { z } from 'zod'
import type { Store } from '../store/store.ts'
import type { Target } from '../targets/target.ts'

export { SlipwayError } from '../formats/errors.ts'
export type { Route } from '../formats/route.ts'
export type { TelemetryWindow } from '../formats/telemetry.ts'
export type { Store } from '../store/store.ts'
export type { Applied, Cursors, Source as EvidenceSource, Target } from '../targets/target.ts'

/** What an adapter may use of the process that it runs in. */
export interface Tools {
  readonly store: Store
}

/** An adapter from outside for one of Slipway's ports. */
export type Extension = { readonly extends: 'target'; readonly make: (tools: Tools) => Target }

const isFunction = (value: unknown): boolean => typeof value === 'function'
const Extension = z.custom<Extension>(
  (value) =>
    typeof value === 'object' && value !== null && 'extends' in value && 'make' in value && isFunction(value.make),
  'expected what source(), learner(), target() or protocol() of slipway/extend give',
)

/** What `slipway.config.ts` exports as its default. */
export const Configuration = z.strictObject({ extend: z.array(Extension).default([]) })
export type Configuration = z.infer<typeof Configuration>

/** A project's configuration: the adapters that its workers, gateways and commands know besides Slipway's own. */
export const defineConfig = (configuration: z.input<typeof Configuration>): Configuration =>
  Configuration.parse(configuration)

/** Adds a place where models can be deployed: `p.deploy(candidate, { target: 'its kind', … })`. */
export const target = (make: (tools: Tools) => Target): Extension => ({ extends: 'target', make })
