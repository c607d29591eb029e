import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { localCodes } from '../lib/code/local-code.ts'
import { withStoredPlace } from '../lib/code/source-map.ts'
import { localTable } from '../lib/data/local-table.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import { codeOfDrift } from '../lib/formats/monitor-policy.ts'
import { type FalseAlarms, falseAlarms } from '../lib/jobs/calibrate.ts'
import { readBaseline } from '../lib/models/baseline.ts'
import { localModel } from '../lib/models/package.ts'
import { trainingTableOf } from '../lib/store/version-origins.ts'
import { trustedKeysOf } from '../workers/settings.ts'
import type { StoreContext } from './context.ts'
import { requireMonitor } from './monitors.ts'
import { requireRoute } from './route.ts'

/** Which checks are pretended. */
export interface CalibrationWanted {
  /** Training rows a check sees; 5000. */
  readonly rows?: number
  /** How many checks; 200. */
  readonly runs?: number
  /** The stretch of time that the rows of a check are from, ms; as long as the monitor waits between checks. */
  readonly spanMs?: number
}

/** How often the drift rules of an endpoint would cry wolf. */
export interface CalibrationDocument {
  readonly endpoint: string
  readonly rows: number
  readonly runs: number
  readonly spanMs: number
  /** The share of checks that the definition allows. */
  readonly declared: number
  readonly rules: readonly FalseAlarms[]
}

/**
 * How often the drift rules of an endpoint would cry wolf, on blocks of its own training rows, as `slipway drift
 * calibrate --json` prints it.
 * @throws SlipwayError NOT_MONITORED; NOT_FOUND; USAGE
 */
export async function calibrateMonitor(
  { store, settings }: StoreContext,
  endpoint: string,
  { rows = 5_000, runs = 200, spanMs: wanted }: CalibrationWanted = {},
): Promise<CalibrationDocument> {
  const { policy, time } = (await requireMonitor(store, endpoint)).step
  const { champion } = await requireRoute(store, endpoint)
  const train = await trainingTableOf(store, champion.model, champion.digest)
  if (train === undefined)
    throw new SlipwayError('NOT_FOUND', `the training rows of ${endpoint} are not on record`, {
      next: 'run its pipeline again',
    })
  if (!(rows >= 1 && runs >= 1)) throw new SlipwayError('USAGE', '--rows and --runs are numbers from 1 on')
  const spanMs = wanted ?? policy.everyMs
  const packages = { store, trusted: trustedKeysOf(settings) }
  const { profile, importances } = await readBaseline(packages, champion.digest)
  const folder = await mkdtemp(join(tmpdir(), 'slipway-calibrate-'))
  try {
    const rules = await falseAlarms({
      model: await localModel(packages, champion.digest),
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
    return { endpoint, rows, runs, spanMs, declared: policy.falseAlarms, rules }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
