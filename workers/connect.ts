import { Client, Connection } from '@temporalio/client'
import { SlipwayError } from '../pipelines/errors.ts'
import { converterFile } from './files.ts'
import type { Settings } from './settings.ts'

export interface TemporalClient {
  readonly client: Client
  readonly connection: Connection
}

/**
 * A client to the Temporal server.
 * @param within how long to try
 * @throws SlipwayError TEMPORAL_UNREACHABLE
 */
export async function connect({ temporal }: Settings, within: '5s' | '400ms' = '5s'): Promise<TemporalClient> {
  const { address } = temporal.connectionOptions
  try {
    const connection = await Connection.connect({ ...temporal.connectionOptions, connectTimeout: within })
    const client = new Client({
      connection,
      dataConverter: { payloadConverterPath: converterFile },
      ...(temporal.namespace === undefined ? {} : { namespace: temporal.namespace }),
    })
    return { client, connection }
  } catch (error) {
    throw new SlipwayError(
      'TEMPORAL_UNREACHABLE',
      `the Temporal server at ${address} does not answer`,
      { next: 'check TEMPORAL_ADDRESS, or start one with `npx slipway up --detach`' },
      { cause: error },
    )
  }
}
