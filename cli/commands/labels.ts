import { gatewayAddress } from '../../client/gateway-client.ts'
import { importLabels, type LabelsWanted } from '../../client/import-labels.ts'
import { openContext } from '../context.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson } from '../output.ts'

/** `labels import file.parquet`: sends the labels of a file to a gateway. */
export async function importAndTell(file: string, { json, ...wanted }: JsonOption & LabelsWanted): Promise<number> {
  const context = openContext()
  const address = await gatewayAddress(context)
  const taken = await importLabels(context, file, wanted)
  if (json === true) printJson(taken)
  else print(`${taken.accepted} labels taken by ${address}`)
  return 0
}
