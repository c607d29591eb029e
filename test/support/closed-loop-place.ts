import type { MonitorReport } from '../../lib/formats/monitor-report.ts'
import type { RunRecord } from '../../lib/formats/records.ts'
import { readLastReport } from '../../lib/store/monitors.ts'
import { readRoute } from '../../lib/store/routes.ts'
import { listRuns } from '../../lib/store/runs.ts'
import { eventually, untilSent } from './gateways.ts'
import { openPlace, type Place } from './place.ts'
import { writeLoans } from './project.ts'

/** A place whose pipeline `loans` is deployed to `credit`, watched, and retrained when its monitor says so. */
export interface ClosedLoopPlace extends Place {
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>
  /** Serves loans and tells what became of them, then has the monitor look. */
  serve(from: number, rows: number, shift: number, name: string): Promise<MonitorReport>
  /** Has the monitor look at what was sent by now. */
  check(): Promise<MonitorReport>
  /** The version that serves; 0 while none does. */
  champion(): Promise<number>
  /** Newest first. */
  retrainings(): Promise<RunRecord[]>
  /** Waits until so many retrainings have ended, and the supervisor is done with them. @returns the newest */
  untilRetrained(count: number): Promise<RunRecord>
  /** Runs the pipeline and waits until its endpoint answers. */
  open(): Promise<void>
}

/** Loans of a stretch of time; `shift` raises the incomes, and with them what they mean stays the same. */
export const loans = (from: number, rows: number, shift = 0): string => `
  SELECT i AS id, TIMESTAMP '2024-01-01' + INTERVAL (i) HOUR AS day,
    20000 + ${shift} + (i * 7919) % 60000 AS income, 18 + (i * 104729) % 60 AS age,
    ['car', 'home', 'travel', 'tools'][1 + (i * 31) % 4] AS purpose,
    CASE WHEN ((i * 2654435761) % 1000) / 1000.0 < 1 / (1 + exp((20000 + ${shift} + (i * 7919) % 60000 - 45000) / 12000.0)) THEN 1 ELSE 0 END AS defaulted
  FROM range(${from}, ${from + rows}) t(i)`

/** What a loan in traffic turns out to be: the same law as the data. */
export function loan(i: number, shift: number) {
  const income = 20_000 + shift + ((i * 7919) % 60_000)
  const row = {
    id: i,
    day: new Date(Date.UTC(2024, 0, 1) + i * 3_600_000).toISOString(),
    income,
    age: 18 + ((i * 104_729) % 60),
    purpose: ['car', 'home', 'travel', 'tools'][(i * 31) % 4],
  }
  const chance = 1 / (1 + Math.exp((income - 45_000) / 12_000))
  return { row, label: ((i * 2_654_435_761) % 1000) / 1000 < chance ? 1 : 0 }
}

const definition = `import { auc, binary, logLoss, pipeline, psi, trees } from 'slipway'
import { features } from './features.ts'
import { Loan } from './schema.ts'
import { bad } from './target.ts'

export default pipeline('loans', (p) => {
  const loans = p.snapshot('loans', { from: 'data/loans-*.parquet', schema: Loan })
  const parts = p.split(p.validate(loans, { unique: [['id']] }), { by: 'day', test: '60d', validation: '20d' })
  const model = p.train('risk', { on: parts, features, target: binary('defaulted', bad), learner: trees({ trees: 20, leaves: 7, minRowsPerLeaf: 10 }), seed: 1 })
  const candidate = p.package(model)
  p.gate(candidate, { on: parts.test, must: [auc.atLeast(0.55), logLoss.atMost(0.9)], champion: 'not compared' })
  const live = p.deploy(candidate, { endpoint: 'credit', allAtOnce: true })
  p.monitor(live, {
    every: '1h', drift: psi.over(0.2), quality: auc.below(0.5), minRows: 100, minLabels: 100,
    retrain: { every: '30d', window: '120d', cooldown: '0s', maxPerDay: 50, notWorse: { by: 0.03 } },
    playbook: 'Look at the incomes first.',
  })
})
`

/**
 * @param settings besides those of every place
 * @param pieces of the pipeline, whose endpoint is `credit`
 */
export async function openClosedLoop(
  settings: Readonly<Record<string, string>> = {},
  pieces: Parameters<typeof writeLoans>[1] = { body: definition },
): Promise<ClosedLoopPlace> {
  const place = await openPlace({ SLIPWAY_CAPTURE_RATE: '1', ...settings })
  const { store } = place.store
  await place.project.data('data/loans-1.parquet', loans(0, 4_000))
  writeLoans(place.project, pieces)
  const post: ClosedLoopPlace['post'] = (path, body, headers = {}) =>
    fetch(`${place.gateway}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
  const check = async (): Promise<MonitorReport> => {
    const before = (await readLastReport(store, 'credit'))?.seq ?? -1
    await untilSent(store)
    await place.succeeds('schedule', 'trigger', 'credit', 'monitor')
    await eventually(async () => ((await readLastReport(store, 'credit'))?.seq ?? -1) > before)
    return (await readLastReport(store, 'credit')) as MonitorReport
  }
  const retrainings = async (): Promise<RunRecord[]> =>
    (await listRuns(store, 'loans', 50)).filter(({ origin }) => origin.retraining !== undefined)
  return {
    ...place,
    post,
    check,
    retrainings,
    champion: async () => (await readRoute(store, 'credit'))?.champion.version ?? 0,
    async serve(from, rows, shift, name) {
      for (let at = from; at < from + rows; at += 16) {
        const batch = Array.from({ length: 16 }, (_, i) => loan(at + i, shift))
        const instances = batch.map(({ row }) => row)
        const answer = await post('/v1/models/credit:predict', { instances }, { 'x-request-id': `${name}-${at}` })
        if (answer.status !== 200) throw new Error(`${answer.status}: ${await answer.text()}`)
        const labels = batch.map(({ label }, row) => ({ requestId: `${name}-${at}`, row, label }))
        const told = await post('/feedback', labels)
        if (told.status !== 202) throw new Error(`${told.status}: ${await told.text()}`)
      }
      return check()
    },
    async untilRetrained(count) {
      await eventually(async () => (await retrainings()).length >= count)
      await eventually(async () => {
        const { code, stdout } = await place.run('retrain', 'status', 'loans', '--json')
        return code === 0 && JSON.parse(stdout).state !== 'running'
      })
      return (await retrainings())[0] as RunRecord
    },
    async open() {
      await place.succeeds('run', 'loans', '--wait', '--json')
      await eventually(
        async () => (await fetch(`${place.gateway}/v2/models/credit/ready`).catch(() => undefined))?.ok === true,
      )
    },
  }
}
