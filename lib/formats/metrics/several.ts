import { columnOf, type Named, numbersIn } from '../answers.ts'
import type { Measure, Scored } from './metric.ts'

/*
 * Rows that are answered with several numbers: predictions of several targets [rows · targets] have as many labels,
 * those of several quantiles [rows · quantiles] one a row. `outputs` says what the numbers are called.
 */

/** What the numbers of scored rows are called, where a row has several. */
export function outputsOf(named: Named): Pick<Scored, 'outputs'> {
  const outputs = numbersIn(named)
  return outputs === undefined ? {} : { outputs }
}

/** How many labels a row has: of several targets one each. */
export const labelWidthOf = ({ predictions, labels, outputs }: Scored): number =>
  outputs !== undefined && labels.length === predictions.length ? outputs.length : 1

export const rowsOf = (scored: Scored): number => scored.labels.length / labelWidthOf(scored)

/** One of the numbers of each row, with its label. */
export function outputOf(scored: Scored, column: number): Scored {
  const { predictions, labels, outputs = [] } = scored
  return {
    ...scored,
    predictions: columnOf(predictions, column, outputs.length),
    labels: columnOf(labels, column, labelWidthOf(scored)) as Float64Array,
    outputs: outputs.slice(column, column + 1),
  }
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/**
 * A metric of one number, which of several targets is the mean over them, each in its own units: scikit-learn's
 * `multioutput='uniform_average'`. NaN where it is not defined of one of them.
 */
export function overTargets<Made extends Pick<Measure, 'of' | 'resampled'>>(one: Made): Made {
  const { of, resampled } = one
  const isOne = ({ outputs }: Scored): boolean => outputs === undefined || outputs.length < 2
  const each = (scored: Scored): Scored[] => (scored.outputs ?? []).map((_, column) => outputOf(scored, column))
  return {
    ...one,
    of: (scored, order) =>
      isOne(scored) ? of(scored, order) : mean(each(scored).map((target) => of(target, noOrder))),
    ...(resampled !== undefined && {
      resampled(scored: Scored) {
        if (isOne(scored)) return resampled(scored)
        const targets = each(scored).map(resampled)
        return (counts: Uint16Array) => mean(targets.map((target) => target(counts)))
      },
    }),
  }
}

/** A metric of the output of a name alone; NaN where there is none. */
export function ofOutput({ of, resampled }: Pick<Measure, 'of' | 'resampled'>, name: string) {
  const own = (scored: Scored): Scored | undefined => {
    const column = scored.outputs?.indexOf(name) ?? -1
    return column < 0 ? undefined : outputOf(scored, column)
  }
  return {
    of(scored: Scored): number {
      const output = own(scored)
      return output === undefined ? Number.NaN : of(output, noOrder)
    },
    ...(resampled !== undefined && {
      resampled(scored: Scored) {
        const output = own(scored)
        return output === undefined ? () => Number.NaN : resampled(output)
      },
    }),
  }
}

/** Metrics of several numbers are none of an order. */
const noOrder = (): never => {
  throw new RangeError('several numbers have no order')
}
