import { resolve } from 'node:path'
import { withDuckDb } from '../lib/data/duckdb.ts'
import { readLabels } from '../lib/data/labels.ts'
import type { ClientContext } from './context.ts'
import { sendLabels, type TakenLabels } from './labels.ts'
import { tableAt } from './table-at.ts'

/** What the labels of a file are. */
export interface LabelsWanted {
  /** The endpoint they are about, where a gateway serves more than one. */
  readonly endpoint?: string
  /** They are names of classes: numbers by their digits. */
  readonly classes?: boolean
}

/**
 * Sends the labels of a file to a gateway, as `slipway labels import` does.
 * @param file with the columns `label`, and `requestId` or `key` (text, numbers or UUIDs); if there, `row` and `at`
 *   (when it became known)
 * @throws SlipwayError what is wrong with the file, with the row; GATEWAY_UNREACHABLE, REQUEST_INVALID
 */
export const importLabels = (
  context: ClientContext,
  file: string,
  { endpoint, classes }: LabelsWanted = {},
): Promise<TakenLabels> =>
  withDuckDb(1, (connection) => sendLabels(context, endpoint, readLabels(connection, tableAt(resolve(file)), classes)))
