import { SlipwayError } from '../formats/errors.ts'
import type { Task } from '../formats/plan.ts'
import { type Duration, durationMs } from './duration.ts'
import type { Benefit, Gate, Loss, Rules } from './gates.ts'
import type { Handle, Names } from './handles.ts'

/** When a backtest trains, and what it judges by. */
export interface BacktestDays<Row> {
  by: Names<Row, Date>
  /**
   * ISO dates (UTC): at each a model is trained and judged on the rows before that day, as a run as of then would have
   * done. Or so many days that move with the data: its end, and every so often before.
   */
  cutoffs: readonly string[] | { readonly every: Duration; readonly last: number }
  /** The rows just before a cutoff, and those before them. */
  test: Duration
  validation: Duration
  /** Rows older than this before a cutoff are left out. */
  window?: Duration
}

type Limits<Made> = Pick<Rules<Made>, 'atLeast' | 'atMost'>

/** Models of several past days, and how they did. They are never registered or served. */
export interface Backtest<T extends Task> extends Handle<'backtest'> {
  /**
   * For `must` of a gate: passes if the metric keeps to the limit at every cutoff. Metrics are Slipway's, measured on
   * all test rows.
   */
  worst(metric: Rules<Gate<T>> & (Benefit | Loss)): Limits<Gate<T>>
}

/** @param name what checks call the backtest */
export const backtestHandle = <T extends Task>(id: string, name: string): Backtest<T> => ({
  kind: 'backtest',
  id,
  worst(metric) {
    const ofWorst = ({ check, ...gate }: Gate<T>): Gate<T> => ({
      ...gate,
      check: { ...check, backtest: name } as typeof check,
      backtest: { name, id },
    })
    return { atLeast: (limit) => ofWorst(metric.atLeast(limit)), atMost: (limit) => ofWorst(metric.atMost(limit)) }
  },
})

/** More models than this are a plan that nobody reads. */
const mostCutoffs = 100

/** A cutoff, in the form of the rule of its split, and its name: `2001-02-01`, `30d-ago`. */
export interface NamedCutoff {
  readonly name: string
  readonly ends: { readonly cutoff: string } | { readonly agoMs: number }
}

/**
 * The cutoffs of a backtest, the oldest first.
 * @throws SlipwayError DEFINITION_INVALID for none, too many, two equal ones, or one that is no date
 */
export function namedCutoffs(backtest: string, cutoffs: BacktestDays<never>['cutoffs']): NamedCutoff[] {
  const refuse = (what: string, next: string): never => {
    throw new SlipwayError('DEFINITION_INVALID', `backtest "${backtest}" ${what}`, { next })
  }
  if ('last' in cutoffs) {
    const { every, last } = cutoffs
    const dayMs = durationMs('1d')
    const days = durationMs(every) / dayMs
    if (!Number.isInteger(days) || days < 1)
      refuse(`goes back ${every} at a time: these are no whole days`, "for example every: '30d'")
    if (!Number.isInteger(last) || last < 1 || last > mostCutoffs)
      refuse(`wants the last ${last} cutoffs`, `last is a whole number from 1 to ${mostCutoffs}`)
    return Array.from({ length: last }, (_, i) => (last - 1 - i) * days).map((ago) => ({
      name: `${ago}d-ago`,
      ends: { agoMs: ago * dayMs },
    }))
  }
  if (cutoffs.length === 0)
    refuse('has no cutoffs', "name past days, for example cutoffs: ['2001-02-01', '2001-03-01']")
  if (cutoffs.length > mostCutoffs)
    refuse(`has ${cutoffs.length} cutoffs, and ${mostCutoffs} is the most`, 'leave some out')
  for (const [i, day] of cutoffs.entries()) {
    if (!isDay(day))
      refuse(`has a cutoff that is no date: ${JSON.stringify(day) ?? 'undefined'}`, 'write dates as 2001-02-01')
    if (cutoffs.indexOf(day) < i) refuse(`has the cutoff ${day} twice`, 'leave one of them out')
  }
  return [...cutoffs].sort().map((cutoff) => ({ name: cutoff, ends: { cutoff } }))
}

/** Whether a text is a day of the calendar: 2001-02-30 is none. */
const isDay = (text: unknown): boolean =>
  typeof text === 'string' &&
  /^\d{4}-\d{2}-\d{2}$/.test(text) &&
  !Number.isNaN(Date.parse(text)) &&
  new Date(text).toISOString().startsWith(text)
