import { show } from '../formats/show-number.ts'
import type { CalibrationBin, Confusion } from '../stats/curves.ts'
import type {
  ClassesShape,
  ModelQuality,
  NumberShape,
  NumbersShape,
  RankingShape,
  YesNoShape,
} from '../stats/model-quality.ts'
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
  if (shape.task === 'binary') return yesNoCards(shape, other?.task === 'binary' ? other : undefined)
  if (shape.task === 'multiclass') return classesCards(shape, other?.task === 'multiclass' ? other : undefined)
  if (shape.task === 'ranking') return rankingCards(shape, other?.task === 'ranking' ? other : undefined)
  if (shape.task !== 'regression') return numbersCards(shape, other?.task === shape.task ? other : undefined)
  return numberCards(shape, other?.task === 'regression' ? other : undefined)
}

/** Outputs that are drawn; all are in the table. */
const outputsDrawn = 6

/** Of several targets how each does, of quantiles how many labels are below each; and the drawings of each. */
function numbersCards({ task, outputs }: NumbersShape, other: NumbersShape | undefined): string[] {
  const names = [...new Set(outputs.flatMap(({ metrics }) => Object.keys(metrics)))]
  const cell = (text: string): string => `<td class="number">${text}</td>`
  const rows = outputs.map(({ name, metrics }) => {
    const before = other?.outputs.find((each) => each.name === name)?.metrics
    const cells = names.map((metric) => {
      const [own, then] = [metrics[metric], before?.[metric]]
      const beside = then === undefined ? '' : ` <span class="soft">(${show(then.value)})</span>`
      return cell(own === undefined ? '' : `${show(own.value)}${beside}`)
    })
    return `<tr><th>${escapeHtml(name)}</th>${cells.join('')}</tr>`
  })
  const areQuantiles = task === 'quantiles'
  const head = names.map((name) => `<th class="number">${escapeHtml(areQuantiles ? quantileHead(name) : name)}</th>`)
  const told = areQuantiles
    ? 'The share of labels that are at most at a quantile should be its level.'
    : 'Each in its own units; what is above is the mean over them.'
  const inTable = card(
    areQuantiles ? 'By quantile' : 'By target',
    other === undefined ? told : `${told} In brackets: what it is beside.`,
    `<div class="scroll"><table><tr><th>${areQuantiles ? 'quantile' : 'target'}</th>${head.join('')}</tr>${rows.join('\n')}</table></div>`,
    'card wide',
  )
  const drawn = outputs.slice(0, outputsDrawn).flatMap((output) => {
    const then = other?.outputs.find(({ name }) => name === output.name)
    return numberCards(output, then, output.name)
  })
  return [inTable, ...drawn]
}

const quantileHead = (metric: string): string => (metric === 'coverage' ? 'labels at most there' : metric)

const card = (title: string, told: string, drawing: string, kind: 'card' | 'card wide' = 'card'): string =>
  `<div class="${kind}"><h3>${escapeHtml(title)}</h3><p class="soft">${escapeHtml(told)}</p>${drawing}</div>`

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
    calibrationCard('What share of rows was positive', calibration, other?.calibration),
    card('Scores', 'Grey: rows of class 0; coloured: of class 1.', stackedHistogram(scores, groups, 'score')),
    confusionCard(confusion),
  )
  return cards
}

const percent = (share: number): string => `${Number((share * 100).toPrecision(3))} %`

function calibrationCard(
  what: string,
  bins: readonly CalibrationBin[],
  other: readonly CalibrationBin[] | undefined,
): string {
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
    `${what}, by tenths of the scores, with 90 % intervals. Dashed: what was predicted.`,
    plot({
      title: 'Calibration',
      x: 'predicted',
      y: 'true',
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

/** Classes that fit a card beside each other. */
const classesBeside = 12

function classesCards(shape: ClassesShape, other: ClassesShape | undefined): string[] {
  const { classes, confusion, scores, calibration } = shape
  const cards = [
    calibrationCard('What share of answers was right', calibration, other?.calibration),
    classTable(classes, scores),
  ]
  return classes.length > classesBeside ? cards : [confusionTable(classes, confusion), ...cards]
}

/** Rows of every class by what was answered, the darker the larger its share of the class. */
function confusionTable(classes: readonly string[], confusion: ClassesShape['confusion']): string {
  const rows = classes.map((name, own) => {
    const counts = confusion[own] ?? []
    const all = counts.reduce((sum, count) => sum + count, 0)
    const cells = counts.map((count, answered) => {
      const share = all === 0 ? 0 : count / all
      const colour = answered === own ? 'var(--good)' : 'var(--bad)'
      const ground = `background:color-mix(in srgb,${colour} ${Math.round(share * 60)}%,transparent)`
      return `<td class="number" style="${ground}" title="${percent(share)}">${count.toLocaleString('en-US')}</td>`
    })
    return `<tr><th>${escapeHtml(name)}</th>${cells.join('')}</tr>`
  })
  const head = classes.map((name) => `<th class="number">${escapeHtml(name)}</th>`)
  return card(
    'Answers',
    'A line a class that rows had, a column a class that was answered: the likeliest.',
    `<div class="scroll"><table><tr><th></th>${head.join('')}</tr>${rows.join('\n')}</table></div>`,
    'card wide',
  )
}

function classTable(classes: readonly string[], scores: ClassesShape['scores']): string {
  const cell = (text: string): string => `<td class="number">${text}</td>`
  const rows = classes.map((name, i) => {
    const score = scores[i]
    if (score === undefined) return ''
    const { rows: own, precision, recall, f1 } = score
    return `<tr><th>${escapeHtml(name)}</th>${cell(own.toLocaleString('en-US'))}${[precision, recall, f1].map((value) => cell(show(value))).join('')}</tr>`
  })
  const head = ['rows', 'precision', 'recall', 'F1'].map((name) => `<th class="number">${name}</th>`)
  return card(
    'By class',
    'Precision: what share of its answers was right; recall: what share of its rows was found.',
    `<div class="scroll"><table><tr><th>class</th>${head.join('')}</tr>${rows.join('\n')}</table></div>`,
    'card wide',
  )
}

type Numbers = Omit<NumberShape, 'task'>

/** @param named which number it is, where a row has several */
function numberCards({ predicted, errors }: Numbers, other: Numbers | undefined, named?: string): string[] {
  const titled = (title: string): string => (named === undefined ? title : `${named}: ${title.toLowerCase()}`)
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
      titled('Predicted and true'),
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
      titled('Errors'),
      'Predicted less true; what is further off is in the outermost bins.',
      stackedHistogram(errors, [{ name: 'rows', kind: 'now' }], 'error'),
    ),
  ]
}

function rankingCards({ gain, groups, groupGains }: RankingShape, other: RankingShape | undefined): string[] {
  const points = (of: RankingShape['gain']) => of.map(({ ranks, value }) => ({ x: ranks, y: value }))
  const dots = gain.map(({ ranks: x, value: y, low = y, high = y }) => ({
    kind: 'now' as const,
    ...{ x, y, low, high },
    title: `NDCG of the first ${x}: ${show(y)} (${show(low)} to ${show(high)})`,
  }))
  const left = groups.all - groups.ranked
  return [
    card(
      'Gain of the first ranks',
      'NDCG by how many ranks count, with 90 % intervals over groups.',
      plot({
        title: 'NDCG by ranks',
        x: 'first ranks',
        y: 'NDCG',
        yEnds: unit,
        lines: [
          ...(other === undefined ? [] : [{ kind: 'then' as const, points: points(other.gain) }]),
          { kind: 'now' as const, points: points(gain) },
        ],
        dots,
      }),
    ),
    card(
      'Groups',
      `${groups.ranked.toLocaleString('en-US')} groups of two rows or more by their NDCG${left === 0 ? '' : `; ${left.toLocaleString('en-US')} of a single row are left out`}.`,
      stackedHistogram(groupGains, [{ name: 'groups', kind: 'now' }], 'NDCG'),
    ),
  ]
}
