import type { Task } from '../../lib/formats/code-ref.ts'
import type { DecisionKind } from '../../lib/formats/decisions.ts'
import type { RowSchema } from '../../lib/formats/row-schema.ts'
import { isOfTensors, TensorFacts, type TensorSpec } from '../../lib/formats/tensors.ts'
import { modelFactsOf } from '../../lib/models/model.ts'
import { getBundle } from '../../lib/store/objects.ts'
import { requestRows } from '../../lib/store/snapshots.ts'
import type { StoreContext } from '../context.ts'
import { requireRoute } from '../route.ts'

/** What an endpoint takes and answers, by its champion: all that code which asks it depends on. */
export type EndpointContract =
  | {
      readonly kind: 'rows'
      readonly endpoint: string
      /** Columns of a request: without those that the gateway looks up. */
      readonly row: RowSchema
      readonly task: Task
      /** Classes, targets or quantiles, where there are several numbers a row. */
      readonly outputs: readonly string[] | undefined
      /** What a function of the definition answers besides. */
      readonly decision: DecisionKind | undefined
    }
  | {
      readonly kind: 'tensors'
      readonly endpoint: string
      readonly inputs: readonly TensorSpec[]
      readonly outputs: readonly TensorSpec[]
    }

/** What an endpoint takes and answers now. @throws SlipwayError NOT_FOUND */
export async function readContract({ store }: StoreContext, endpoint: string): Promise<EndpointContract> {
  const route = await requireRoute(store, endpoint)
  const bundle = await getBundle(store, route.champion.digest, 'model')
  if (isOfTensors(bundle.facts)) {
    const { inputs, outputs } = TensorFacts.parse(bundle.facts)
    return { kind: 'tensors', endpoint, inputs, outputs }
  }
  const { task, outputs, decision } = modelFactsOf(bundle)
  return { kind: 'rows', endpoint, row: await requestRows(store, route), task, outputs, decision: decision?.kind }
}
