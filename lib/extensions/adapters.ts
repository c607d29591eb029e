import type { Protocol } from '../../gateway/protocols/protocol.ts'
import { type OutsideLearners, outsideLearners } from '../learners/learners.ts'
import type { Source } from '../sources/source.ts'
import type { Store } from '../store/store.ts'
import type { Packing } from '../targets/sagemaker/on-demand.ts'
import { type Targets, targetsOf } from '../targets/targets.ts'
import { loadConfiguration } from './configuration.ts'
import type { Extension } from './extension.ts'

/** The adapters of a project's configuration, and the targets, which are few and made at once. */
export interface Adapters {
  /** Names the code of the configuration; null where a project has none. */
  readonly digest: string | null
  readonly sources: readonly Source[]
  readonly learners: OutsideLearners
  readonly targets: Targets
  readonly protocols: readonly Protocol[]
}

/**
 * Loads a project's configuration and makes its adapters.
 * @param root the project: the folder with `slipway.config.ts`, where it has one
 * @param packing of whoever brings packages to where they are served
 * @throws SlipwayError DEFINITION_SYNTAX, DEFINITION_INVALID: also where two adapters go by one name
 */
export async function adaptersOf(root: string, tools: { readonly store: Store }, packing?: Packing): Promise<Adapters> {
  const { configuration, digest } = await loadConfiguration(root)
  const { extend } = configuration
  return {
    digest,
    sources: of(extend, 'source').map(({ make }) => make(tools)),
    learners: outsideLearners(of(extend, 'learner').map(({ make }) => make())),
    targets: targetsOf(
      tools.store,
      of(extend, 'target').map(({ make }) => make(tools)),
      packing,
    ),
    protocols: of(extend, 'protocol').map(({ make }) => make()),
  }
}

const of = <Port extends Extension['extends']>(
  extensions: readonly Extension[],
  port: Port,
): Extract<Extension, { extends: Port }>[] =>
  extensions.filter((each): each is Extract<Extension, { extends: Port }> => each.extends === port)
