import type { Task } from '../formats/code-ref.ts'
import { ndcgByGroup, ranksOfGain } from '../formats/metrics/gain.ts'
import { measureAll, measureRows, metricOfOutput, metricsFor } from '../formats/metrics/index.ts'
import type { Measure, Scored } from '../formats/metrics/metric.ts'
import { type ClassScore, classScores, likeliestClasses } from '../formats/metrics/multiclass.ts'
import { ofOutput, outputOf, rowsOf } from '../formats/metrics/several.ts'
import { intervalOf } from './bootstrap.ts'
import {
  type CalibrationBin,
  type Confusion,
  confusionAt,
  type Histogram,
  histogramOf,
  type PredictedBin,
  predictedBins,
  type RankingCurves,
  rankingCurves,
  withIntervals,
} from './curves.ts'
import { thinned } from './metrics.ts'
import { reliabilityOf } from './reliability.ts'

/** A metric of some rows, with its 90 % interval where the rows can be drawn again quickly. */
export interface MeasuredMetric {
  readonly value: number
  readonly low?: number
  readonly high?: number
}

/** How a model does on labelled rows, as far as it can be drawn. */
export interface ModelQuality {
  readonly rows: number
  /** By name, those that are defined, the telling ones first. */
  readonly metrics: Readonly<Record<string, MeasuredMetric>>
  readonly shape: YesNoShape | ClassesShape | NumberShape | NumbersShape | RankingShape
}

/** Of a yes/no model. */
export interface YesNoShape {
  readonly task: 'binary'
  /** Undefined where a class is missing. */
  readonly curves: RankingCurves | undefined
  readonly confusion: Confusion
  readonly calibration: readonly CalibrationBin[]
  /** Of scores from 0 to 1: rows of class 0, and of class 1. */
  readonly scores: Histogram
}

/** Of a model of several classes. */
export interface ClassesShape {
  readonly task: 'multiclass'
  readonly classes: readonly string[]
  /** Rows by their class, and by the class that was answered: [classes][classes]. */
  readonly confusion: readonly (readonly number[])[]
  /** In the order of the classes. */
  readonly scores: readonly ClassScore[]
  /** Of the class that is answered. */
  readonly calibration: readonly CalibrationBin[]
}

/** Of a model of numbers. */
export interface NumberShape {
  readonly task: 'regression'
  readonly predicted: readonly PredictedBin[]
  /** Of predictions less labels. */
  readonly errors: Histogram
}

/** One of several numbers a row. */
export interface OutputShape extends Omit<NumberShape, 'task'> {
  /** The column of a target, or the level of a quantile. */
  readonly name: string
  readonly metrics: Readonly<Record<string, MeasuredMetric>>
}

/** Of a model of several targets, or of several quantiles of one. */
export interface NumbersShape {
  readonly task: 'targets' | 'quantiles'
  readonly outputs: readonly OutputShape[]
}

/** Of a model that orders rows. */
export interface RankingShape {
  readonly task: 'ranking'
  /** All groups, and those of two rows or more. */
  readonly groups: { readonly all: number; readonly ranked: number }
  /** NDCG of the first ranks, by how many, with its 90 % interval. */
  readonly gain: readonly (MeasuredMetric & { readonly ranks: number })[]
  /** Ranked groups by their NDCG, of all ranks, from 0 to 1. */
  readonly groupGains: Histogram
}

/** Of more rows than this as many are drawn, evenly among all. */
const mostDrawn = 50_000

/** A model's predictions for labelled rows. */
export interface Judged {
  readonly task: Task
  readonly scored: Scored
  /** Of a task of several classes. */
  readonly classes?: readonly string[] | undefined
}

/** Measures a model on labelled rows: its metrics with intervals, and the curves of its task. */
export function modelQuality({ task, scored, classes = [] }: Judged, seed: number): ModelQuality {
  const rows = rowsOf(scored)
  const values: Record<string, number> = measureAll(task, scored)
  const drawn = thinned(scored, mostDrawn)
  const measured = (output?: string): Record<string, MeasuredMetric> => {
    const metrics = metricsFor(task).flatMap(([name, metric]): [string, MeasuredMetric][] => {
      const value = values[output === undefined ? name : metricOfOutput(name, output)] ?? Number.NaN
      if (!Number.isFinite(value)) return []
      const measure = output === undefined ? metric : { ...metric, ...ofOutput(metric, output) }
      return [[name, { value, ...intervalAround(value, measure, { scored, drawn }, seed) }]]
    })
    return Object.fromEntries(metrics)
  }
  const { outputs } = scored
  const metrics = measured()
  const shape =
    outputs === undefined
      ? shapes[task](scored, classes, metrics)
      : {
          task: task === 'quantiles' ? ('quantiles' as const) : ('targets' as const),
          outputs: outputs.map((name, column) => ({
            name,
            metrics: measured(name),
            ...numberShape(outputOf(scored, column)),
          })),
        }
  return { rows, metrics, shape }
}

/** The interval that some of the rows have, about the value of all of them: it shrinks with the root of the rows. */
function intervalAround(
  value: number,
  metric: Measure,
  { scored, drawn }: { readonly scored: Scored; readonly drawn: Scored },
  seed: number,
): ReturnType<typeof intervalOf> {
  const interval = intervalOf(metric, drawn, seed)
  if (interval === undefined || drawn === scored) return interval
  const centre = measureRows(metric, drawn)
  const scale = Math.sqrt(rowsOf(drawn) / rowsOf(scored))
  return { low: value + (interval.low - centre) * scale, high: value + (interval.high - centre) * scale }
}

type ShapeOf = (scored: Scored, classes: readonly string[], metrics: ModelQuality['metrics']) => ModelQuality['shape']

const shapes: Readonly<Record<Task, ShapeOf>> = {
  binary: (scored) => ({
    task: 'binary',
    curves: rankingCurves(scored),
    confusion: confusionAt(scored, 0.5),
    calibration: withIntervals(reliabilityOf('binary', scored)),
    scores: histogramOf(
      [0, 1].map((label) => scored.predictions.filter((_, row) => scored.labels[row] === label)),
      { bins: 20, from: 0, to: 1 },
    ),
  }),
  multiclass: (scored, classes) => ({
    task: 'multiclass',
    classes,
    confusion: confusionOf(scored, classes.length),
    scores: classScores(scored),
    calibration: withIntervals(reliabilityOf('multiclass', scored)),
  }),
  ranking(scored, _, metrics) {
    const { values } = ndcgByGroup(scored)
    const ranked = values.filter((value) => !Number.isNaN(value))
    return {
      task: 'ranking',
      groups: { all: values.length, ranked: ranked.length },
      gain: ranksOfGain.flatMap((ranks) => {
        const measured = metrics[`ndcg@${ranks}`]
        return measured === undefined ? [] : [{ ranks, ...measured }]
      }),
      groupGains: histogramOf([ranked], { bins: 20, from: 0, to: 1 }),
    }
  },
  regression: (scored) => ({ task: 'regression', ...numberShape(scored) }),
  quantiles: (scored) => ({ task: 'regression', ...numberShape(scored) }),
}

function numberShape(scored: Scored): Omit<NumberShape, 'task'> {
  const errors = scored.labels.map((label, row) => (scored.predictions[row] as number) - label)
  const sorted = errors.slice().sort()
  // Some far off would squeeze all others into one bin: they are counted in the outermost.
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] ?? 0
  return {
    predicted: predictedBins(scored),
    errors: histogramOf([errors], { bins: 21, from: at(0.005), to: at(0.995) }),
  }
}

function confusionOf(scored: Scored, classes: number): number[][] {
  const counts = Array.from({ length: classes }, () => new Array<number>(classes).fill(0))
  likeliestClasses(scored).forEach((answered, row) => {
    const own = counts[scored.labels[row] as number] as number[]
    own[answered] = (own[answered] as number) + 1
  })
  return counts
}
