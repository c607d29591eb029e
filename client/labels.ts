import { SlipwayError } from '../lib/formats/errors.ts'
import type { GivenLabel } from '../lib/formats/telemetry.ts'
import type { ClientContext } from './context.ts'
import { gatewayAddress, gatewayClient } from './gateway-client.ts'

/** What became of a prediction: of a request by its id, or of what a key names. */
export interface LabelOfPrediction {
  /** Truth values count as 0 and 1; a class is its name. */
  readonly label: GivenLabel | boolean
  readonly requestId?: string
  readonly key?: string | number
  /** Which row of the request, from 0. */
  readonly row?: number
  /** When it became known: ISO time or ms since 1970; now by default. */
  readonly at?: string | number
}

/** How many labels the gateway has taken. */
export interface TakenLabels {
  readonly accepted: number
}

/** Labels a request to the gateway holds. */
const most = 1_000

/**
 * Says what became of predictions of an endpoint.
 * @throws SlipwayError GATEWAY_UNREACHABLE; REQUEST_INVALID as the gateway says. What was taken counts once, however
 *   often it is sent
 */
export const labelPredictions = (
  context: ClientContext,
  endpoint: string,
  labels: readonly LabelOfPrediction[],
): Promise<TakenLabels> => sendLabels(context, endpoint, [labels])

/** The same of labels that come one list after the other. @param endpoint undefined where a gateway serves only one */
export async function sendLabels(
  context: ClientContext,
  endpoint: string | undefined,
  lists: Iterable<readonly LabelOfPrediction[]> | AsyncIterable<readonly LabelOfPrediction[]>,
): Promise<TakenLabels> {
  const address = await gatewayAddress(context)
  const client = gatewayClient(address, 4, context.gateway)
  let accepted = 0
  const send = async (labels: readonly LabelOfPrediction[]): Promise<void> => {
    const body = JSON.stringify(labels.map((label) => ({ ...label, endpoint })))
    const answer = await client.post('/feedback', body).catch((error: Error) => {
      throw new SlipwayError('GATEWAY_UNREACHABLE', `the gateway at ${address} does not answer: ${error.message}`, {
        next: `${accepted} labels were taken; send all again, what was taken counts once`,
      })
    })
    if (answer.status !== 202)
      throw new SlipwayError(
        'REQUEST_INVALID',
        `labels ${accepted + 1} to ${accepted + labels.length} were refused: ${(JSON.parse(answer.body) as { error?: string }).error ?? answer.status}`,
        { next: 'correct them and send all again: what was taken counts once' },
      )
    accepted += labels.length
  }
  try {
    for await (const labels of lists)
      for (let from = 0; from < labels.length; from += most) await send(labels.slice(from, from + most))
  } finally {
    client.close()
  }
  return { accepted }
}
