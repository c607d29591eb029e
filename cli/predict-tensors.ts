import type { ClientContext } from '../client/context.ts'
import { gatewayAddress, gatewayClient } from '../client/gateway-client.ts'
import { brief } from '../lib/formats/brief.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import { isOfTensors, TensorFacts, type TensorValue } from '../lib/formats/tensors.ts'
import { readSamples } from '../lib/models/tensors/samples.ts'
import { getBundle } from '../lib/store/objects.ts'
import { readRoute } from '../lib/store/routes.ts'
import type { JsonOption } from './options.ts'
import { print, printJson, say, table } from './output.ts'

/** What an endpoint serves, where that is a model of tensors. */
export async function tensorsServed({ store }: ClientContext, endpoint: string): Promise<TensorFacts | undefined> {
  const route = await readRoute(store, endpoint)
  if (route === undefined) return undefined
  const { facts } = await getBundle(store, route.champion.digest, 'model')
  return isOfTensors(facts) ? TensorFacts.parse(facts) : undefined
}

interface Answered {
  readonly name: string
  readonly datatype: string
  readonly shape: readonly number[]
  readonly data: readonly unknown[]
}

/**
 * Asks a model of tensors about those of a file, which has the form of samples, and shows what it answers.
 * @throws SlipwayError USAGE for a file that has none; what the gateway says
 */
export async function predictTensors(
  context: ClientContext,
  { endpoint, facts, given }: { readonly endpoint: string; readonly facts: TensorFacts; readonly given: unknown },
  { data, json }: JsonOption & { readonly data: string },
): Promise<number> {
  const address = await gatewayAddress(context)
  const client = gatewayClient(address, 1, context.gateway)
  const answers = []
  try {
    for (const tensors of readSamples(data, Buffer.from(JSON.stringify(given)), facts)) {
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
      const body = JSON.parse(answer.body) as { outputs?: Answered[]; error?: string }
      if (body.outputs === undefined)
        throw new SlipwayError(
          answer.status < 500 ? 'REQUEST_INVALID' : 'PREDICTION_FAILED',
          body.error ?? `status ${answer.status}`,
          { next: 'correct the tensors' },
        )
      answers.push({ version: Number(answer.version), role: answer.role, ms: answer.ms, outputs: body.outputs })
    }
  } finally {
    client.close()
  }
  if (json === true) printJson({ endpoint, answers: answers.map(({ ms: _, ...answer }) => answer) })
  else
    for (const { version, role, ms, outputs } of answers) {
      print(table(['output', 'datatype', 'shape', 'elements'], outputs.map(cellsOf)))
      say(`version ${version} (${role}), ${ms.toFixed(1)} ms`)
    }
  return 0
}

const plain = (element: unknown): unknown => (typeof element === 'bigint' ? Number(element) : element)

/** Elements of an output that are shown. */
const mostShown = 8

function cellsOf({ name, datatype, shape, data }: Answered): string[] {
  const more = data.length > mostShown ? ` and ${data.length - mostShown} more` : ''
  const shown = data.slice(0, mostShown).map((each) => brief(String(each), 40))
  return [name, datatype, `[${shape.join(', ')}]`, `${shown.join(' ')}${more}`]
}
