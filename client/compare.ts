import { canonicalJson } from '../lib/formats/canonical.ts'
import type { RunRecord } from '../lib/formats/records.ts'
import type { ModelReport } from '../lib/reports/model-report.ts'
import type { Store } from '../lib/store/store.ts'
import type { StoreContext } from './context.ts'
import { requireEndedRun } from './ended-run.ts'
import { reasonItRan } from './forecast.ts'
import { betterOf } from './metrics.ts'
import { reportOnRun } from './model-report.ts'

/** Something that differs between two runs. */
export interface Difference {
  readonly what: string
  readonly a: string
  readonly b: string
  /** Which of two values of a metric is the better one. */
  readonly better?: 'a' | 'b'
}

/** What differs between two runs, and nothing else. */
export interface ComparisonDocument {
  readonly a: string
  readonly b: string
  readonly differences: readonly Difference[]
}

/** What differs between two runs that ended, as `slipway compare --json` prints it. @throws SlipwayError NOT_FOUND */
export async function readComparison({ store }: StoreContext, a: string, b: string): Promise<ComparisonDocument> {
  const [first, second] = await both(store, a, b)
  const differences: Difference[] = []
  const note = (what: string, x: unknown, y: unknown, better?: 'a' | 'b'): void => {
    const [left, right] = [x ?? null, y ?? null]
    if (canonicalJson(left) === canonicalJson(right)) return
    differences.push({ what, a: String(left), b: String(right), ...(better === undefined ? {} : { better }) })
  }
  note('pipeline', first.pipeline, second.pipeline)
  note('status', first.status, second.status)
  for (const name of keysOf(first.origin, second.origin))
    note(`origin ${name}`, first.origin[name], second.origin[name])
  for (const { name, stepKey } of second.steps) {
    const before = first.steps.find((step) => step.name === name)?.stepKey
    if (before !== undefined && before !== stepKey)
      differences.push({ what: `step ${name}`, a: '', b: await reasonItRan(store, before, stepKey) })
  }
  for (const name of keysOf(first.metrics, second.metrics)) {
    const better = betterOf(name, first.metrics[name], second.metrics[name])
    note(`metric ${name}`, first.metrics[name], second.metrics[name], better)
  }
  for (const { name, passed } of second.gates)
    note(`gate ${name}`, first.gates.find((gate) => gate.name === name)?.passed, passed)
  note('model', first.model?.digest, second.model?.digest)
  return { a, b, differences }
}

/** The report on the model of the second run, with the first one's drawn beside it. */
export async function readComparedModels({ store }: StoreContext, a: string, b: string): Promise<ModelReport> {
  const [first, second] = await both(store, a, b)
  return reportOnRun(store, second, first)
}

async function both(store: Store, a: string, b: string): Promise<[RunRecord, RunRecord]> {
  return Promise.all([requireEndedRun(store, a), requireEndedRun(store, b)])
}

function keysOf(a: object, b: object): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].sort()
}
