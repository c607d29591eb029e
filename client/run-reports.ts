import { BacktestReport } from '../lib/formats/backtest-report.ts'
import { exitCodes, SlipwayError } from '../lib/formats/errors.ts'
import { TrialTimes, Tuning } from '../lib/formats/tuning.ts'
import { readSourceRead } from '../lib/models/source-read.ts'
import { getJson } from '../lib/store/objects.ts'
import type { StoreContext } from './context.ts'
import type { RunDocument, StepDocument } from './run-document.ts'

type Steps = Pick<RunDocument, 'steps'>

/** Steps whose table has a profile: the columns that came in, and those that were made of them. */
const withTables: readonly string[] = ['snapshot', 'table', 'join']

const outputOf = ({ outputs }: StepDocument, named: string): string | undefined =>
  outputs.find(({ name }) => name === named)?.digest

/** What the snapshots and derived tables of a run hold; those that are gone from the store are left out. */
export const readTablesOf = ({ store }: StoreContext, { steps }: Steps) =>
  madeBy(steps, async (step) => {
    const table = withTables.includes(step.kind) ? outputOf(step, 'table') : undefined
    return table === undefined ? undefined : { table, read: await readSourceRead(store, table) }
  })

/** The backtests of a run; those that are gone from the store are left out. */
export const readBacktestsOf = ({ store }: StoreContext, { steps }: Steps) =>
  madeBy(steps, async (step) => {
    const report = step.kind === 'backtest' ? outputOf(step, 'report') : undefined
    return report === undefined ? undefined : { report: await getJson(store, report, BacktestReport) }
  })

/** The trials of a run, with how long each took where that is known; those that are gone are left out. */
export const readTuningsOf = ({ store }: StoreContext, { steps }: Steps) =>
  madeBy(steps, async (step) => {
    const [trials, times] = step.kind === 'tune' ? [outputOf(step, 'trials'), outputOf(step, 'times')] : []
    if (trials === undefined) return undefined
    const took = times === undefined ? [] : await getJson(store, times, TrialTimes).catch(whereGone([]))
    return { trials, tuning: await getJson(store, trials, Tuning), times: took }
  })

/** What stands for something that is gone from the store, or broken there; a store that is away is no such thing. */
const whereGone =
  <T>(value: T) =>
  (error: unknown): T => {
    if (error instanceof SlipwayError && error.exitCode === exitCodes.verification) return value
    throw error
  }

/** What is found of each step, with its name: nothing of those that made no such thing, or whose is gone. */
async function madeBy<T extends object>(
  steps: readonly StepDocument[],
  find: (step: StepDocument) => Promise<T | undefined>,
): Promise<(T & { readonly step: string })[]> {
  const found = steps.map(async (step) => {
    const made = await find(step).catch(whereGone(undefined))
    return made === undefined ? [] : [{ step: step.name, ...made }]
  })
  return (await Promise.all(found)).flat()
}
