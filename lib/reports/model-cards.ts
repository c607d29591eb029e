import { show } from '../formats/show-number.ts'
import type { CalibrationBin, Confusion } from '../stats/curves.ts'
import type { ModelQuality, NumberShape, YesNoShape } from '../stats/model-quality.ts'
import { escapeHtml } from './html.ts'
import { plot, stackedHistogram } from './plots.ts'

const unit = [0, 1] as const
const diagonal = {
  kind: 'guess',
  points: [
    { x: 0, y: 0 },
    { x: 1, y: 1 },
  ],
} as const

/** The drawings of how a model does, a card each; beside another one on the same rows, where there is one. */
export function qualityCards({ shape }: ModelQuality, against: ModelQuality | undefined): string[] {
  const other = against?.shape
  return shape.task === 'binary'
    ? yesNoCards(shape, other?.task === 'binary' ? other : undefined)
    : numberCards(shape, other?.task === 'regression' ? other : undefined)
}

const card = (title: string, told: string, drawing: string): string =>
  `<div class="card"><h3>${escapeHtml(title)}</h3><p class="soft">${escapeHtml(told)}</p>${drawing}</div>`

function yesNoCards({ curves, confusion, calibration, scores }: YesNoShape, other: YesNoShape | undefined): string[] {
  const cards: string[] = []
  if (curves !== undefined) {
    const lines = (of: 'roc' | 'precisionRecall') => [
      ...(other?.curves === undefined ? [] : [{ kind: 'then' as const, points: other.curves[of] }]),
      { kind: 'now' as const, points: curves[of] },
    ]
    const chance = { kind: 'guess' as const, points: [0, 1].map((x) => ({ x, y: curves.positiveShare })) }
    cards.push(
      card(
        'ROC',
        'Dashed: deciding by chance.',
        plot({
          title: 'ROC curve',
          x: 'share of negatives decided yes',
          y: 'share of positives found',
          xEnds: unit,
          yEnds: unit,
          lines: [diagonal, ...lines('roc')],
        }),
      ),
      card(
        'Precision and recall',
        `Dashed: all are decided yes, ${percent(curves.positiveShare)} rightly.`,
        plot({
          title: 'Precision-recall curve',
          x: 'recall',
          y: 'precision',
          xEnds: unit,
          yEnds: unit,
          lines: [chance, ...lines('precisionRecall')],
        }),
      ),
    )
  }
  const groups = [
    { name: 'rows of class 0', kind: 'then' },
    { name: 'rows of class 1', kind: 'now' },
  ] as const
  cards.push(
    calibrationCard(calibration, other?.calibration),
    card('Scores', 'Grey: rows of class 0; coloured: of class 1.', stackedHistogram(scores, groups, 'score')),
    confusionCard(confusion),
  )
  return cards
}

const percent = (share: number): string => `${Number((share * 100).toPrecision(3))} %`

function calibrationCard(bins: readonly CalibrationBin[], other: readonly CalibrationBin[] | undefined): string {
  const dots = (of: readonly CalibrationBin[], kind: 'now' | 'then') =>
    of.map(({ meanPrediction: x, positiveShare: y, low, high, rows }) => ({
      kind,
      x,
      y,
      low,
      high,
      title: `${rows} rows: predicted ${percent(x)}, were ${percent(y)} (${percent(low)} to ${percent(high)})`,
    }))
  return card(
    'Calibration',
    'What share of rows was positive, by tenths of the scores, with 90 % intervals. Dashed: what was predicted.',
    plot({
      title: 'Calibration',
      x: 'predicted',
      y: 'were positive',
      xEnds: unit,
      yEnds: unit,
      lines: [diagonal],
      dots: [...dots(other ?? [], 'then'), ...dots(bins, 'now')],
    }),
  )
}

function confusionCard(confusion: Confusion): string {
  const { threshold, truePositives, falsePositives, falseNegatives, trueNegatives } = confusion
  const all = truePositives + falsePositives + falseNegatives + trueNegatives
  const cell = (rows: number, isRight: boolean): string =>
    `<td class="number ${isRight ? 'good' : 'bad'}">${rows.toLocaleString('en-US')}<br><span class="soft">${percent(rows / all)}</span></td>`
  return card(
    'Decisions',
    `A row is decided yes from a score of ${show(threshold)} on.`,
    `<table><tr><th></th><th class="number">decided yes</th><th class="number">decided no</th></tr>
<tr><th>were yes</th>${cell(truePositives, true)}${cell(falseNegatives, false)}</tr>
<tr><th>were no</th>${cell(falsePositives, false)}${cell(trueNegatives, true)}</tr></table>`,
  )
}

function numberCards({ predicted, errors }: NumberShape, other: NumberShape | undefined): string[] {
  const dots = (of: NumberShape['predicted'], kind: 'now' | 'then') =>
    of.map(({ meanPrediction: x, meanLabel: y, low, high, rows }) => ({
      kind,
      x,
      y,
      low,
      high,
      title: `${rows} rows: predicted ${show(x)}, were ${show(y)} (80 % of them ${show(low)} to ${show(high)})`,
    }))
  const all = predicted.flatMap(({ meanPrediction, meanLabel, low, high }) => [meanPrediction, meanLabel, low, high])
  const ends = [Math.min(...all), Math.max(...all)]
  const line = { kind: 'guess' as const, points: ends.map((at) => ({ x: at, y: at })) }
  return [
    card(
      'Predicted and true',
      'By tenths of the predictions: the mean of what was true, and where 80 % of it lies. Dashed: what was predicted.',
      plot({
        title: 'Predicted and true',
        x: 'predicted',
        y: 'true',
        lines: [line],
        dots: [...dots(other?.predicted ?? [], 'then'), ...dots(predicted, 'now')],
      }),
    ),
    card(
      'Errors',
      'Predicted less true; what is further off is in the outermost bins.',
      stackedHistogram(errors, [{ name: 'rows', kind: 'now' }], 'error'),
    ),
  ]
}
