import type { CalibrationBin } from '../../../lib/stats/curves.ts'
import type {
  ClassesShape,
  ModelQuality,
  NumberShape,
  OutputShape,
  RankingShape,
  YesNoShape,
} from '../../../lib/stats/model-quality.ts'
import type { ChartProps } from './chart-props.ts'
import { asPredicted, beside, overBins, overOneX, type Point } from './curves.ts'

type Shape = ModelQuality['shape']

/**
 * The charts that the task of a model asks for; beside those of another version on the same rows, where there is one.
 */
export function chartsOf(shape: Shape, then: Shape | undefined, other: string): ChartProps[] {
  const same = <Own extends Shape>(own: Own): Own | undefined =>
    then?.task === own.task ? (then as unknown as Own) : undefined
  switch (shape.task) {
    case 'binary':
      return yesNoCharts(shape, same(shape), other)
    case 'multiclass':
      return [calibrationChart(shape, same(shape), other)]
    case 'ranking':
      return rankingCharts(shape, same(shape), other)
    case 'regression':
      return numberCharts(shape, same(shape), other)
    default:
      return shape.outputs.slice(0, outputsDrawn).flatMap((output) => {
        const before = same(shape)?.outputs.find(({ name }) => name === output.name)
        return numberCharts(output, before, other, output.name)
      })
  }
}

/** Outputs that are drawn; all are in the table of metrics. */
const outputsDrawn = 6
const unit = [0, 1] as const

function yesNoCharts(shape: YesNoShape, then: YesNoShape | undefined, other: string): ChartProps[] {
  const { curves } = shape
  const calibration = calibrationChart(shape, then, other)
  if (curves === undefined) return [calibration]
  const line = (of: 'roc' | 'precisionRecall', chance: readonly Point[]) =>
    overOneX([
      ...beside(curves[of], then, other, (before) => before.curves?.[of]),
      { name: 'chance', color: 'soft', isDashed: true, points: chance },
    ])
  const share = curves.positiveShare
  return [
    { label: 'ROC: true positives over false ones', range: unit, ...line('roc', asPredicted(0, 1).points) },
    {
      label: 'Precision over recall',
      range: unit,
      ...line(
        'precisionRecall',
        unit.map((x) => ({ x, y: share })),
      ),
    },
    calibration,
  ]
}

type Calibrated = YesNoShape | ClassesShape

function calibrationChart({ calibration }: Calibrated, then: Calibrated | undefined, other: string): ChartProps {
  const pointsOf = (bins: readonly CalibrationBin[]): Point[] =>
    bins.map(({ meanPrediction: x, positiveShare: y }) => ({ x, y }))
  return {
    label: 'Calibration: observed over predicted',
    range: unit,
    ...overOneX([
      ...beside(pointsOf(calibration), then, other, (before) => pointsOf(before.calibration)),
      asPredicted(0, 1),
    ]),
  }
}

type Numbers = Omit<NumberShape, 'task'> | OutputShape

/** @param named which number it is, where a row has several */
function numberCharts(shape: Numbers, then: Numbers | undefined, other: string, named?: string): ChartProps[] {
  const titled = (title: string): string => (named === undefined ? title : `${named}: ${title.toLowerCase()}`)
  const pointsOf = ({ predicted }: Numbers): Point[] =>
    predicted.map(({ meanPrediction: x, meanLabel: y }) => ({ x, y }))
  const own = pointsOf(shape)
  const [from, to] = [Math.min(...own.map(({ x }) => x)), Math.max(...own.map(({ x }) => x))]
  return [
    {
      label: titled('True over predicted, by tenths'),
      xName: 'predicted',
      ...overOneX([...beside(own, then, other, pointsOf), asPredicted(from, to)]),
    },
    { label: titled('Errors: predicted less true'), xName: 'error', ...overBins(shape.errors, 'rows') },
  ]
}

function rankingCharts(shape: RankingShape, then: RankingShape | undefined, other: string): ChartProps[] {
  const pointsOf = ({ gain }: RankingShape): Point[] => gain.map(({ ranks: x, value: y }) => ({ x, y }))
  return [
    {
      label: 'Gain of the first ranks (NDCG)',
      xName: 'ranks',
      range: unit,
      ...overOneX(beside(pointsOf(shape), then, other, pointsOf)),
    },
    { label: 'Groups by their NDCG', xName: 'NDCG', ...overBins(shape.groupGains, 'groups') },
  ]
}
