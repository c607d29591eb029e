import { type CalibrationWanted, calibrateMonitor } from '../../client/calibrate.ts'
import { requireMonitor } from '../../client/monitors.ts'
import { durationMs } from '../../lib/definition/duration.ts'
import { exitCodes } from '../../lib/formats/errors.ts'
import { openContext } from '../context.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson, say, table } from '../output.ts'

export interface CalibrateOptions extends JsonOption {
  readonly rows?: string
  readonly runs?: string
  readonly span?: string
}

/**
 * `drift calibrate flights`: how often the drift rules of an endpoint would cry wolf, on blocks of its own training
 * rows.
 * @returns 17 when that is more often than the definition declares
 */
export async function calibrate(endpoint: string, options: CalibrateOptions): Promise<number> {
  const context = openContext()
  const { rows: asked, runs: checks, span } = options
  const wanted: CalibrationWanted = {
    ...(asked !== undefined && { rows: Number(asked) }),
    ...(checks !== undefined && { runs: Number(checks) }),
    ...(span !== undefined && { spanMs: durationMs(span) }),
  }
  const document = await calibrateMonitor(context, endpoint, wanted)
  const { rows, runs, spanMs, declared, rules } = document
  if (options.json === true) printJson(document)
  else {
    print(
      table(
        ['rule', 'false alarms', 'declared'],
        rules.map(({ rule, breaches }) => [rule, `${breaches} of ${runs} checks`, `${declared * 100} %`]),
      ),
    )
    const { time } = (await requireMonitor(context.store, endpoint)).step
    say(
      `${runs} checks of ${rows} training rows each, ${time === null ? 'one after the other' : `from stretches of ${spanMs / 3_600_000} h`}`,
    )
  }
  return rules.some(({ breaches }) => breaches / runs > declared) ? exitCodes.drift : exitCodes.done
}
