import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { requireMonitor } from '../../client/monitors.ts'
import { requireRoute } from '../../client/route.ts'
import { localCodes } from '../../lib/code/local-code.ts'
import { withStoredPlace } from '../../lib/code/source-map.ts'
import { localTable } from '../../lib/data/local-table.ts'
import { durationMs } from '../../lib/definition/duration.ts'
import { exitCodes, SlipwayError } from '../../lib/formats/errors.ts'
import { codeOfDrift } from '../../lib/formats/monitor-policy.ts'
import { falseAlarms } from '../../lib/jobs/calibrate.ts'
import { readBaseline } from '../../lib/models/baseline.ts'
import { localModel } from '../../lib/models/package.ts'
import { trainingTableOf } from '../../lib/store/version-origins.ts'
import { trustedKeysOf } from '../../workers/settings.ts'
import { openContext } from '../context.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson, say, table } from '../output.ts'

/**
 * `drift calibrate flights`: how often the drift rules of an endpoint would cry wolf, on blocks of its own training
 * rows.
 * @returns 17 when that is more often than the definition declares
 */
export async function calibrate(
  endpoint: string,
  options: JsonOption & { rows?: string; runs?: string; span?: string },
): Promise<number> {
  const { store, settings } = openContext()
  const monitor = await requireMonitor(store, endpoint)
  const { policy, time } = monitor.step
  const { champion: variant } = await requireRoute(store, endpoint)
  const train = await trainingTableOf(store, variant.model, variant.digest)
  if (train === undefined)
    throw new SlipwayError('NOT_FOUND', `the training rows of ${endpoint} are not on record`, {
      next: 'run its pipeline again',
    })
  const [rows, runs] = [Number(options.rows ?? 5_000), Number(options.runs ?? 200)]
  if (!(rows >= 1 && runs >= 1)) throw new SlipwayError('USAGE', '--rows and --runs are numbers from 1 on')
  const spanMs = options.span === undefined ? policy.everyMs : durationMs(options.span)
  const packages = { store, trusted: trustedKeysOf(settings) }
  const { profile, importances } = await readBaseline(packages, variant.digest)
  const folder = await mkdtemp(join(tmpdir(), 'slipway-calibrate-'))
  try {
    const found = await falseAlarms({
      model: await localModel(packages, variant.digest),
      baseline: profile,
      importances,
      policy,
      code: await localCodes(
        packages,
        codeOfDrift(policy).map(([, ref]) => ref),
      ),
      table: await localTable(store, train),
      time: time ?? undefined,
      rows,
      spanMs,
      runs,
      scratch: join(folder, 'sorted.parquet'),
    }).catch(async (error) => {
      throw await withStoredPlace(store, error)
    })
    const tooMany = found.filter(({ breaches }) => breaches / runs > policy.falseAlarms)
    if (options.json === true) printJson({ endpoint, rows, runs, spanMs, declared: policy.falseAlarms, rules: found })
    else {
      print(
        table(
          ['rule', 'false alarms', 'declared'],
          found.map(({ rule, breaches }) => [rule, `${breaches} of ${runs} checks`, `${policy.falseAlarms * 100} %`]),
        ),
      )
      say(
        `${runs} checks of ${rows} training rows each, ${time === null ? 'one after the other' : `from stretches of ${spanMs / 3_600_000} h`}`,
      )
    }
    return tooMany.length === 0 ? exitCodes.done : exitCodes.drift
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
