import { z } from 'zod'
import type { Protocol } from '../../gateway/protocols/protocol.ts'
import type { Learner } from '../learners/learner.ts'
import type { Source } from '../sources/source.ts'
import type { Target } from '../targets/target.ts'

export type {
  Asked,
  DescribedEndpoint,
  Incoming,
  Outgoing,
  Prediction,
  Problem,
  Protocol,
  ServedVersion,
  Written,
} from '../../gateway/protocols/protocol.ts'
export { SlipwayError } from '../formats/errors.ts'
export type { Route } from '../formats/route.ts'
export type { TelemetryWindow } from '../formats/telemetry.ts'
export type { Learned, Learner, LearnerOrder, LearnerRows, ModelInput } from '../learners/learner.ts'
export { linearLearner } from '../learners/linear/learner.ts'
export { treesLearner } from '../learners/trees/learner.ts'
export type { FoundFile, Source, Window } from '../sources/source.ts'
export type { Applied, Cursors, Source as Serving, Target } from '../targets/target.ts'

/** The bucket that the process works with. */
export interface Store {
  readonly bucket: string
  /** For messages: where it is. */
  readonly address: string
  /** Verified copies of what was read from it lie there. */
  readonly cacheFolder: string
  /** The AWS SDK's `S3Client`. Whoever uses it has `@aws-sdk/client-s3` as a dependency, for its commands and types. */
  readonly client: unknown
}

/** What an adapter may use of the process that it runs in. */
export interface Tools {
  readonly store: Store
}

/** An adapter from outside for one of Slipway's ports, and how it is made. */
export type Extension =
  | { readonly extends: 'source'; readonly make: (tools: Tools) => Source }
  | { readonly extends: 'learner'; readonly make: () => Learner<{ readonly kind: string }> }
  | { readonly extends: 'target'; readonly make: (tools: Tools) => Target }
  | { readonly extends: 'protocol'; readonly make: () => Protocol }

const ports: readonly string[] = ['source', 'learner', 'target', 'protocol'] satisfies readonly Extension['extends'][]
const Extension = z.custom<Extension>(
  (value) => {
    const given = value as Partial<Extension> | null | undefined
    return ports.includes(given?.extends ?? '') && typeof given?.make === 'function'
  },
  `expected what ${ports.map((port) => `${port}()`).join(', ')} of slipway/extend give`,
)

/** What `slipway.config.ts` exports as its default. */
export const Configuration = z.strictObject({ extend: z.array(Extension).default([]) })
export type Configuration = z.infer<typeof Configuration>

/** A project's configuration: the adapters that its workers, gateways and commands know besides Slipway's own. */
export const defineConfig = (configuration: z.input<typeof Configuration>): z.input<typeof Configuration> =>
  configuration

/** Adds a place where bytes come from: `p.snapshot('x', { from: 'its-scheme://…' })`. */
export const source = (make: (tools: Tools) => Source): Extension => ({ extends: 'source', make })

/** Adds a learner: `p.train('x', { learner: learner('its kind', { … }) })`. */
export const learner = <Parameters extends { readonly kind: string }>(adapter: Learner<Parameters>): Extension => ({
  extends: 'learner',
  make: () => adapter as unknown as Learner<{ readonly kind: string }>,
})

/** Adds a place where models can be deployed: `p.deploy(candidate, { target: 'its kind', … })`. */
export const target = (make: (tools: Tools) => Target): Extension => ({ extends: 'target', make })

/** Adds a way in which clients ask gateways for predictions. */
export const protocol = (adapter: Protocol): Extension => ({ extends: 'protocol', make: () => adapter })
