import { SlipwayError } from '../lib/formats/errors.ts'
import { isOfTensors, TensorFacts, type TensorValue } from '../lib/formats/tensors.ts'
import { readSamples } from '../lib/models/tensors/samples.ts'
import { getBundle } from '../lib/store/objects.ts'
import { readRoute } from '../lib/store/routes.ts'
import type { Store } from '../lib/store/store.ts'
import type { ClientContext, StoreContext } from './context.ts'
import { gatewayAddress, gatewayClient } from './gateway-client.ts'
import { requireRoute } from './route.ts'

/** A tensor that a model answered: elements row by row. */
export interface AnsweredTensor {
  readonly name: string
  readonly datatype: string
  readonly shape: readonly number[]
  readonly data: readonly unknown[]
}

/** What an endpoint answered about tensors. */
export interface InferenceDocument {
  readonly endpoint: string
  /** One a sample; of a large one several, in order. */
  readonly answers: readonly {
    /** The version of its model that answered, and the role it has. */
    readonly version: number
    readonly role: string
    readonly outputs: readonly AnsweredTensor[]
    readonly ms: number
  }[]
}

/** Whether an endpoint serves a model of tensors; false too where it serves nothing. */
export async function servesTensors({ store }: StoreContext, endpoint: string): Promise<boolean> {
  const route = await readRoute(store, endpoint)
  return route !== undefined && (await factsOf(store, route.champion.digest)) !== undefined
}

/**
 * Asks a gateway for what a model of tensors answers, as `slipway predict --json` does.
 * @param samples one, or an array of them: an object of (nested) arrays by the names of inputs, or a request of the
 *   Open Inference Protocol
 * @param from what messages call the samples
 * @throws SlipwayError NOT_FOUND; USAGE for samples that are none, or a model of rows; GATEWAY_UNREACHABLE; what the
 *   gateway says
 */
export async function inferTensors(
  context: ClientContext,
  endpoint: string,
  samples: unknown,
  from = 'the samples',
): Promise<InferenceDocument> {
  const facts = await factsOf(context.store, (await requireRoute(context.store, endpoint)).champion.digest)
  if (facts === undefined)
    throw new SlipwayError('USAGE', `endpoint "${endpoint}" serves a model of rows`, { next: 'ask it by predict' })
  const address = await gatewayAddress(context)
  const client = gatewayClient(address, 1, context.gateway)
  const answers = []
  try {
    for (const tensors of readSamples(from, Buffer.from(JSON.stringify(samples)), facts)) {
      const inputs = facts.inputs.map(({ name, datatype }) => {
        const { shape, data: elements } = tensors[name] as TensorValue
        return { name, datatype, shape, data: Array.from(elements as ArrayLike<unknown>, (each) => plain(each)) }
      })
      const path = `/v2/models/${encodeURIComponent(endpoint)}/infer`
      const answer = await client.post(path, JSON.stringify({ inputs })).catch((error: Error) => {
        throw new SlipwayError('GATEWAY_UNREACHABLE', `the gateway at ${address} does not answer: ${error.message}`, {
          next: 'see `slipway status`',
        })
      })
      const body = JSON.parse(answer.body) as { outputs?: AnsweredTensor[]; error?: string }
      if (body.outputs === undefined)
        throw new SlipwayError(
          answer.status < 500 ? 'REQUEST_INVALID' : 'PREDICTION_FAILED',
          body.error ?? `status ${answer.status}`,
          { next: 'correct the tensors' },
        )
      const { version, role, ms } = answer
      answers.push({ version: Number(version), role, outputs: body.outputs, ms })
    }
  } finally {
    client.close()
  }
  return { endpoint, answers }
}

/** What a model of tensors takes and answers; undefined of a model of rows. */
async function factsOf(store: Store, model: string): Promise<TensorFacts | undefined> {
  const { facts } = await getBundle(store, model, 'model')
  return isOfTensors(facts) ? TensorFacts.parse(facts) : undefined
}

const plain = (element: unknown): unknown => (typeof element === 'bigint' ? Number(element) : element)
