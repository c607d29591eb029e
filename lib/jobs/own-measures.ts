import { readFile } from 'node:fs/promises'
import { loadFunction } from '../code/load.ts'
import type { LocalCode } from '../code/local-code.ts'
import { withUserFunction } from '../code/user-fault.ts'
import { brief } from '../formats/brief.ts'
import type { OwnCheck } from '../formats/check.ts'
import type { UserFunction } from '../formats/columns.ts'
import type { OwnDistances } from '../formats/drift-measures/index.ts'
import { SlipwayError } from '../formats/errors.ts'
import type { Evaluation } from '../formats/evaluation.ts'
import type { OwnMetric } from '../formats/gate-rules.ts'
import type { Measure, Scored } from '../formats/metrics/metric.ts'
import { codeOfDrift, type MonitorPolicy } from '../formats/monitor-policy.ts'
import type { CodeRef } from '../formats/plan.ts'
import type { GateResult } from '../formats/records.ts'
import { drawn } from '../stats/bootstrap.ts'

/** A bundle of the user's as a local file. */
export type OwnCode = Pick<LocalCode, 'file' | 'digest'>

/** Finds the function of a reference among those that were loaded. */
export type OwnFunctions = (ref: CodeRef) => UserFunction

/**
 * Loads the user's metrics, gates and drift measures, a fresh instance of each.
 * @throws SlipwayError as `loadFunction`
 */
export async function loadOwn(code: readonly OwnCode[]): Promise<OwnFunctions> {
  const loaded = new Map<string, UserFunction>()
  for (const { file, digest } of code) loaded.set(digest, loadFunction(await readFile(file, 'utf8'), digest))
  return ({ name, digest }) => {
    const found = loaded.get(digest)
    if (found === undefined) throw new SlipwayError('INTERNAL', `the code of ${name} was not brought along`)
    return found
  }
}

/**
 * A metric of the user's as gates measure by. The function gets copies, so that what it changes is its own. On the rows
 * themselves it must give a finite number; a draw of the bootstrap on which it is not defined does not count, as with
 * other metrics.
 */
export function ownMeasure(name: string, { better }: Pick<OwnMetric, 'better'>, userFunction: UserFunction): Measure {
  const what = `metric "${name}"`
  const measured = ({ predictions, labels, columns }: Scored, isDraw: boolean): number =>
    numberOf(what, userFunction, `${labels.length} rows`, isDraw, () =>
      userFunction(
        predictions.slice(),
        labels.slice(),
        Object.fromEntries(Object.entries(columns ?? {}).map(([column, cells]) => [column, cells.slice()])),
      ),
    )
  return {
    better,
    of: (scored) => measured(scored, false),
    resampled: (scored) => (counts) => measured(drawn(scored, counts), true),
  }
}

/** A drift measure of the user's: of the shares of rows by bin, before and now. */
const ownDistance =
  (name: string, userFunction: UserFunction) =>
  (baseline: readonly number[], now: readonly number[]): number =>
    numberOf(`drift measure "${name}"`, userFunction, `${baseline.length} bins`, false, () =>
      userFunction(Float64Array.from(baseline), Float64Array.from(now)),
    )

/** The drift measures of the user's that a policy names. */
export async function loadDistances(
  policy: Pick<MonitorPolicy, 'drift'>,
  code: readonly OwnCode[],
): Promise<OwnDistances> {
  const functions = await loadOwn(code)
  return Object.fromEntries(codeOfDrift(policy).map(([name, ref]) => [name, ownDistance(name, functions(ref))]))
}

/**
 * @param of what it was given, for messages
 * @throws SlipwayError MEASURE_FAILED where it throws, or gives anything but a number, or one that is not finite
 */
function numberOf(
  what: string,
  userFunction: UserFunction,
  of: string,
  isNaNAllowed: boolean,
  call: () => unknown,
): number {
  const next = 'return a finite number, whatever the rows: say what the value is where a sum or a count is 0'
  return withUserFunction(userFunction, 'MEASURE_FAILED', `${what} throws on ${of}`, 'mend the function', () => {
    const value = call()
    if (typeof value === 'number' && (Number.isFinite(value) || (isNaNAllowed && Number.isNaN(value)))) return value
    throw new SlipwayError('MEASURE_FAILED', `${what} returns ${inWords(value)} on ${of}`, { next })
  })
}

/** Asks a gate of the user's about an evaluation. @throws SlipwayError MEASURE_FAILED */
export function judgeOwn({ name, code }: OwnCheck, evaluation: Evaluation, functions: OwnFunctions): GateResult {
  const userFunction = functions(code)
  const { passed, evidence } = withUserFunction(
    userFunction,
    'MEASURE_FAILED',
    `gate "${name}" throws`,
    'mend the function',
    () => {
      const given = userFunction(structuredClone(evaluation)) as { passed?: unknown; evidence?: unknown } | null
      const { passed, evidence } = given ?? {}
      if (typeof passed === 'boolean' && typeof evidence === 'string') return { passed, evidence }
      throw new SlipwayError('MEASURE_FAILED', `gate "${name}" returns ${inWords(given)}`, {
        next: 'return { passed, evidence }: a truth value, and the numbers behind it in words',
      })
    },
  )
  return { name, passed, metric: name, value: null, limit: null, evidence: brief(evidence, 500) }
}

function inWords(value: unknown): string {
  if (value === null || typeof value !== 'object') return typeof value === 'string' ? 'a text' : String(value)
  if (typeof (value as { then?: unknown }).then === 'function') return 'a Promise'
  return Array.isArray(value) ? 'a list' : `an object with ${Object.keys(value).join(', ') || 'nothing in it'}`
}
