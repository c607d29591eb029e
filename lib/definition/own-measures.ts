import { type Check, codeOfCheck, subjectOf } from '../formats/check.ts'
import type { FeatureColumns, Numbers, UserFunction } from '../formats/columns.ts'
import { SlipwayError } from '../formats/errors.ts'
import type { Evaluation } from '../formats/evaluation.ts'
import type { Task } from '../formats/plan.ts'
import { type Gate, type Repeated, type Rules, repeated, rulesOf } from './gates.ts'
import type { Recording } from './recording.ts'

type Names<Columns> = readonly (keyof Columns & string)[]

/** Which way a metric is good, and the columns of the rows that its function takes. */
type MetricOptions<Columns> = { readonly better: 'larger' | 'smaller' } & ([keyof Columns] extends [never]
  ? { readonly columns?: undefined }
  : { readonly columns: Names<Columns> })

/**
 * A metric of your own: `cost` is a named export `(predictions, labels) => number`, each argument an array of all rows
 * judged: the probability of the positive class and 0 or 1, or the predicted and the true number. With `columns` it
 * takes those of the same rows as well. It is held to rules as the others are, and by slices; the bootstrap of
 * `notWorseThan` calls it several hundred times. A run fails with `MEASURE_FAILED` where it throws or gives no finite
 * number.
 */
export function metric<Columns extends FeatureColumns = Record<never, never>>(
  name: string,
  measure: (predictions: Numbers, labels: Float64Array, columns: Columns) => number,
  options: MetricOptions<Columns>,
): Rules<Gate<Task, never, Columns>> {
  const { better, columns } = options as { better: 'larger' | 'smaller'; columns?: readonly string[] }
  const own = { better, run: measure as UserFunction, ...(columns !== undefined && { columns: [...columns] }) }
  return rulesOf(name, (check): Gate<Task, never, Columns> => ({ check, own }))
}

/** A check of your own, decided on the whole evaluation: it is not for slices, which are in there. */
export interface OwnGate {
  readonly name: string
  readonly run: UserFunction
}

/**
 * A gate of your own: `judge` is a named export that says of an evaluation (metrics, slices, importances, reliability)
 * whether the candidate passes, and why, in words. A run fails with `MEASURE_FAILED` where it throws or gives anything
 * else.
 */
export function gate(
  name: string,
  judge: (evaluation: Evaluation) => { readonly passed: boolean; readonly evidence: string },
): OwnGate {
  return { name, run: judge as UserFunction }
}

/** A rule on a drift measure of your own. */
export interface OwnDriftRule {
  readonly measure: string
  readonly limit: number
  readonly windows: number
  readonly run: UserFunction
}

/**
 * A drift measure of your own: `distance` is a named export of the shares of rows by bin, in training and now, as PSI
 * compares them: about ten bins of numbers in ascending order, or the frequent texts one by one and the rare ones
 * together, and last what is new. It gives a finite number, 0 for no drift. A check fails with `MEASURE_FAILED` where
 * it throws or gives anything else.
 */
export const driftMeasure = (name: string, distance: (baseline: Float64Array, now: Float64Array) => number) => ({
  /** Alarm when it is over this, with 95 % confidence, in one check; `.for(n)` asks for n in a row. */
  over: (limit: number): Repeated<OwnDriftRule> =>
    repeated({ measure: name, limit, windows: 1, run: distance as UserFunction }),
})

type CodeOf = Recording['codeOf']

/**
 * Gates as a plan holds them, with references to the code of the user's own.
 * @throws SlipwayError DEFINITION_INVALID
 */
export function checksOf(must: readonly (Gate<never, never, never> | OwnGate)[], codeOf: CodeOf): Check[] {
  const checks = must.map((each): Check => {
    if ('run' in each) return { rule: 'own', name: each.name, code: codeOf(each.run, `gate "${each.name}"`) }
    const { check, own } = each
    if (own === undefined) return check
    const { run, ...said } = own
    return { ...check, own: { ...said, code: codeOf(run, `metric "${check.metric}"`) } }
  })
  const known = new Map<string, string>()
  for (const check of checks) {
    const [name, digest] = [subjectOf(check), codeOfCheck(check)?.digest]
    if (digest === undefined) continue
    if ((known.get(name) ?? digest) !== digest)
      throw new SlipwayError(
        'DEFINITION_INVALID',
        `two metrics or gates are called "${name}" and run different functions`,
        {
          next: 'give each metric and each gate of yours a name of its own',
        },
      )
    known.set(name, digest)
  }
  return checks
}
