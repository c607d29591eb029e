import { SlipwayError } from '../lib/formats/errors.ts'
import type { ClientContext } from './context.ts'
import { gatewayAddress, gatewayClient } from './gateway-client.ts'

/** Of several classes: the likeliest, and how likely each is. */
export interface ClassAnswer {
  readonly label: string
  readonly probabilities: readonly number[]
}

/** A number, a class, or several numbers by name. */
export type Prediction = number | ClassAnswer | Readonly<Record<string, number>>

/** What an endpoint answered. */
export interface PredictionsDocument {
  readonly endpoint: string
  /** The version of its model that answered, and the role it has. */
  readonly version: number
  readonly role: string
  /** One a row. */
  readonly predictions: readonly Prediction[]
  readonly ms: number
}

/**
 * Asks a gateway for predictions of rows, as `slipway predict --json` does.
 * @throws SlipwayError GATEWAY_UNREACHABLE; NOT_FOUND, REQUEST_INVALID, PREDICTION_FAILED as the gateway says
 */
export async function predictRows(
  context: ClientContext,
  endpoint: string,
  rows: readonly unknown[],
): Promise<PredictionsDocument> {
  const address = await gatewayAddress(context)
  const client = gatewayClient(address, 1, context.gateway)
  const answer = await client
    .post(`/v1/models/${encodeURIComponent(endpoint)}:predict`, JSON.stringify({ instances: rows }))
    .catch((error: Error) => {
      throw new SlipwayError('GATEWAY_UNREACHABLE', `the gateway at ${address} does not answer: ${error.message}`, {
        next: 'see `slipway status`',
      })
    })
    .finally(() => client.close())
  const body = JSON.parse(answer.body) as { predictions?: Prediction[]; error?: string }
  if (body.predictions === undefined) {
    const code = answer.status === 404 ? 'NOT_FOUND' : answer.status < 500 ? 'REQUEST_INVALID' : 'PREDICTION_FAILED'
    throw new SlipwayError(code, body.error ?? `status ${answer.status}`, { next: 'correct the rows' })
  }
  const { version, role, ms } = answer
  return { endpoint, version: Number(version), role, predictions: body.predictions, ms }
}
