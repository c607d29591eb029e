import { readLineageEvents } from '../../client/lineage-events.ts'
import { sendLineage } from '../../lib/tracking/send-lineage.ts'
import { openStoreContext } from '../context.ts'
import { type JsonOption, writeTo } from '../options.ts'
import { print, printJson } from '../output.ts'

export interface LineageOptions extends JsonOption {
  /** A file, or the address of a server. */
  readonly to: string
  readonly namespace?: string
}

/** `export openlineage <run or pipeline> --to <file or address>`: finished runs as events of OpenLineage. */
export async function exportOpenLineage(what: string, options: LineageOptions): Promise<number> {
  const { to, namespace = 'slipway', json } = options
  const { runs, events } = await readLineageEvents(openStoreContext(), what, namespace)
  const key = process.env.OPENLINEAGE_API_KEY
  if (/^https?:\/\//.test(to)) await sendLineage(to, events, key === undefined ? undefined : `Bearer ${key}`)
  else writeTo('--to', to, events.map((event) => `${JSON.stringify(event)}\n`).join(''))
  if (json === true) printJson({ to, runs, events: events.length })
  else print(`${events.length} events of ${runs} runs are at ${to}`)
  return 0
}
