import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../lib/code/host.ts'
import { withDuckDb } from '../lib/data/duckdb.ts'
import { findRequest, gatherServed } from '../lib/data/served.ts'
import { calibrationError, psi } from '../lib/definition/index.ts'
import { monitorPolicyOf } from '../lib/definition/monitor.ts'
import type { TelemetryWindow } from '../lib/formats/telemetry.ts'
import { monitorPage } from '../lib/reports/monitor-page.ts'
import { addWindows, conclude, driftOfAll, noLabels, nothingBefore } from '../lib/stats/monitor-check.ts'
import { profileCategories, profileNumbers } from '../lib/stats/profile.ts'
import { profileCounter } from '../lib/stats/profile-counter.ts'
import { pythonEnvironment } from '../test/support/python.ts'
import { type Figure, median } from './measure.ts'
import { lastLine } from './programs.ts'

interface Cost {
  readonly seconds: number
  readonly megabytes: number
}
const rounds = 3

/**
 * Drift: the exact report against Evidently's and against queries by hand, a check over windows, a look for one
 * request.
 */
export async function measureDrift(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-bench-drift-'))
  try {
    return [...(await measureExact(folder)), measureWindows(), await measureTrace(folder)]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function measureExact(folder: string): Promise<Figure[]> {
  const flights = join(packageRoot, 'node_modules/vega-datasets/data/flights-3m.parquet')
  const [first, second] = [join(folder, 'q1.parquet'), join(folder, 'q2.parquet')]
  await withDuckDb(2, async (connection) => {
    for (const [file, where] of [
      [first, "date < '2001-04-01'"],
      [second, "date >= '2001-04-01'"],
    ])
      await connection.run(
        `COPY (SELECT *, hour(date) + minute(date) / 60 AS hour FROM '${flights}' WHERE ${where}) TO '${file}' (FORMAT parquet)`,
      )
  })
  const python = join(await pythonEnvironment(join(packageRoot, 'bench/peers/evidently-requirements.txt')), 'python')
  const run = (path: string, ...args: string[]): Cost => lastLine(path, [...args, first, second])
  const node = (how: string): Cost => run(process.execPath, 'scripts/run.mjs', 'bench/drift-report.ts', how)
  const costs: Record<'ours' | 'hand' | 'evidently', Cost[]> = { ours: [], hand: [], evidently: [] }
  for (let round = 0; round < rounds; round++) {
    costs.ours.push(node('ours'))
    costs.hand.push(node('by-hand'))
    costs.evidently.push(run(python, 'bench/peers/evidently_report.py'))
  }
  const of = (who: keyof typeof costs, what: keyof Cost): number => median(costs[who].map((cost) => cost[what]))
  const times = of('evidently', 'seconds') / of('ours', 'seconds')
  return [
    {
      what: "exact drift of 3,000,000 rows x 6 columns, how many times faster than Evidently's default report",
      ours: `${of('ours', 'seconds').toFixed(2)} s`,
      theirs: `${of('evidently', 'seconds').toFixed(1)} s`,
      ratio: times,
      limit: 20,
      bound: 'at least',
    },
    {
      what: 'its memory, against that of Evidently',
      ours: `${of('ours', 'megabytes').toFixed(0)} MB`,
      theirs: `${of('evidently', 'megabytes').toFixed(0)} MB`,
      ratio: of('ours', 'megabytes') / of('evidently', 'megabytes'),
      limit: 0.2,
    },
    {
      what: 'the same, against DuckDB queries by hand',
      ours: `${of('ours', 'seconds').toFixed(2)} s`,
      theirs: `${of('hand', 'seconds').toFixed(2)} s`,
      ratio: of('ours', 'seconds') / of('hand', 'seconds'),
      limit: 2,
    },
  ]
}

/**
 * A check over 1,000 windows of five features, page included, against one second: nothing of it depends on the rows
 * behind.
 */
function measureWindows(): Figure {
  const rows = 5_000
  const numbers = (seed: number): Float32Array =>
    Float32Array.from({ length: rows }, (_, i) => ((i * 7919 * seed) % 9973) / 97)
  const airports = Array.from({ length: 230 }, (_, i) => `A${i}`)
  const baseline = {
    hour: profileNumbers(numbers(3)),
    weekday: profileNumbers(numbers(5)),
    distance: profileNumbers(numbers(7)),
    origin: profileCategories(
      airports,
      Int32Array.from({ length: rows }, (_, i) => (i * 31) % 230),
    ),
    destination: profileCategories(
      airports,
      Int32Array.from({ length: rows }, (_, i) => (i * 37) % 230),
    ),
    'score:': profileNumbers(numbers(11), 'between'),
  }
  const digest = `sha256:${'a'.repeat(64)}` as const
  const counter = profileCounter(baseline)
  const windows = Array.from({ length: 1_000 }, (_, seq): TelemetryWindow => {
    counter.add({
      hour: numbers(3),
      weekday: numbers(5),
      distance: numbers(7),
      origin: airports,
      destination: airports,
      'score:': numbers(11),
    })
    return {
      slipway: 'window/1',
      endpoint: 'flights',
      gateway: 'g',
      seq,
      revision: 1,
      rollout: null,
      from: seq,
      to: seq + 1,
      champion: {
        digest,
        version: 1,
        requests: rows,
        rows,
        errors: {},
        slow: 0,
        latency: [],
        scores: [],
        users: null,
        profile: counter.take(),
      },
      candidate: null,
      pairs: null,
      capture: null,
      labels: null,
    }
  })
  const policy = monitorPolicyOf({ every: '1h', drift: psi.over(0.2), quality: calibrationError.above(0.1) })
  const check = (): number => {
    const start = performance.now()
    const open = addWindows(null, windows, digest)
    const importances = { hour: 1, weekday: 1, distance: 1, origin: 1, destination: 1 }
    const report = conclude({
      endpoint: 'flights',
      check: '',
      champion: { model: 'flights', version: 1, digest },
      policy,
      last: undefined,
      at: new Date(0).toISOString(),
      interval: { ...open, columns: driftOfAll(open.counts, baseline, importances) },
      quality: null,
      estimated: {},
      labels: noLabels,
      judge: true,
      more: false,
      next: nothingBefore,
      timelinePoints: 200,
    })
    monitorPage(report, policy)
    return (performance.now() - start) / 1000
  }
  const seconds = median([check(), check(), check()])
  return {
    what: 'a check over 1,000 windows (5,000,000 rows behind them), page included, against a second',
    ours: `${seconds.toFixed(2)} s`,
    theirs: '1 s',
    ratio: seconds,
    limit: 1,
  }
}

/** Finding one request among a million captured rows, against a second. */
async function measureTrace(folder: string): Promise<Figure> {
  const [captured, served] = [join(folder, 'captured.parquet'), join(folder, 'served.parquet')]
  const seconds = await withDuckDb(2, async (connection) => {
    await connection.run(
      `COPY (SELECT md5(i::VARCHAR) AS slipway_request, 0::INTEGER AS slipway_row, now()::TIMESTAMP AS slipway_time, 'champion' AS slipway_role, 1::INTEGER AS slipway_version, 0.5 AS slipway_score, i AS distance, 'ORD' AS origin FROM range(1000000) t(i)) TO '${captured}' (FORMAT parquet)`,
    )
    await gatherServed(connection, [captured], served)
    const [row] = (await connection.runAndReadAll("SELECT md5('777777') AS request")).getRowObjectsJS()
    const times: number[] = []
    for (let round = 0; round < 5; round++) {
      const start = performance.now()
      const found = await findRequest(connection, [served], String(row?.request))
      times.push((performance.now() - start) / 1000)
      if (found.length !== 1) throw new Error('the request was not found')
    }
    return median(times)
  })
  return {
    what: 'finding one request among 1,000,000 captured rows, against a second',
    ours: `${seconds.toFixed(3)} s`,
    theirs: '1 s',
    ratio: seconds,
    limit: 1,
  }
}
