import { SlipwayError } from '../formats/errors.ts'
import type { Store } from '../store/store.ts'
import { gatewayRoute } from './gateway-route.ts'
import { noPacking, type Packing, sageMakerOnDemand } from './sagemaker/on-demand.ts'
import type { Target } from './target.ts'

/** Targets by their names. */
export type Targets = ReadonlyMap<string, Target>

/** What deploys where nothing else is said. */
const usual = 'gateway'

/**
 * The targets there are: Slipway's own gateways, SageMaker, and what a configuration adds.
 * @throws SlipwayError DEFINITION_INVALID for two of one name
 */
export function targetsOf(store: Store, others: readonly Target[] = [], packing: Packing = noPacking): Targets {
  const targets = new Map<string, Target>()
  for (const target of [gatewayRoute(store), sageMakerOnDemand(store, packing), ...others]) {
    if (targets.has(target.kind))
      throw new SlipwayError('DEFINITION_INVALID', `two targets are named "${target.kind}"`, {
        next: 'leave one of them out of `extend`',
      })
    targets.set(target.kind, target)
  }
  return targets
}

/** @throws SlipwayError DEFINITION_INVALID for a name that this process does not know */
export function targetOf(targets: Targets, kind = usual): Target {
  const target = targets.get(kind)
  if (target !== undefined) return target
  throw new SlipwayError(
    'DEFINITION_INVALID',
    `there is no target "${kind}"; there are ${[...targets.keys()].join(', ')}`,
    {
      next: 'correct the target of p.deploy, or list it in `extend` of slipway.config.ts where workers run',
    },
  )
}
