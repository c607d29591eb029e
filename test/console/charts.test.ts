import { describe, expect, it } from 'vitest'
import type { ChartProps } from '../../console/app/parts/chart-props.ts'
import { chartsOf } from '../../console/app/parts/task-charts.ts'
import { timelineCharts } from '../../console/app/parts/timeline-charts.ts'
import { modelQuality } from '../../lib/stats/model-quality.ts'

/*
 * What the console draws of models and monitors of every task, before it is drawn.
 */
const rows = Array.from({ length: 40 }, (_, i) => i)
const numbers = { predictions: Float32Array.from(rows), labels: Float64Array.from(rows, (i) => i + (i % 3)) }
const qualities = {
  binary: modelQuality(
    {
      task: 'binary',
      scored: {
        predictions: Float32Array.from(rows, (i) => i / 40),
        labels: Float64Array.from(rows, (i) => Number(i % 3 > 1)),
      },
    },
    1,
  ),
  multiclass: modelQuality(
    {
      task: 'multiclass',
      scored: {
        predictions: Float32Array.from(
          rows.flatMap((i) => [0, 1, 2].map((each) => (each === i % 3 ? 0.5 + i / 100 : (0.5 - i / 100) / 2))),
        ),
        labels: Float64Array.from(rows, (i) => (i % 5) % 3),
      },
      classes: ['car', 'home', 'tools'],
    },
    1,
  ),
  regression: modelQuality({ task: 'regression', scored: numbers }, 1),
  ranking: modelQuality(
    {
      task: 'ranking',
      scored: {
        ...numbers,
        labels: Float64Array.from(rows, (i) => i % 4),
        groups: Uint32Array.from(rows, (i) => i >> 2),
      },
    },
    1,
  ),
  quantiles: modelQuality(
    {
      task: 'quantiles',
      scored: {
        predictions: Float32Array.from(rows.flatMap((i) => [i - 1, i + 1])),
        labels: Float64Array.from(rows),
        outputs: ['0.1', '0.9'],
      },
    },
    1,
  ),
}
type Task = keyof typeof qualities

/** Charts that can be drawn: x ascends, every line has a value or nothing for each, and something is on each line. */
function expectDrawable(charts: readonly ChartProps[]): void {
  for (const { label, x, lines } of charts) {
    expect(x, label).toEqual([...x].sort((a, b) => a - b))
    for (const { name, values } of lines) {
      expect(values.length, `${label}, ${name}`).toBe(x.length)
      expect(
        values.some((value) => value !== null && Number.isFinite(value)),
        `${label}, ${name}`,
      ).toBe(true)
    }
  }
}

describe('how a model does', () => {
  it.each([
    [
      'binary',
      ['ROC: true positives over false ones', 'Precision over recall', 'Calibration: observed over predicted'],
    ],
    ['multiclass', ['Calibration: observed over predicted']],
    ['regression', ['True over predicted, by tenths', 'Errors: predicted less true']],
    ['ranking', ['Gain of the first ranks (NDCG)', 'Groups by their NDCG']],
    [
      'quantiles',
      [
        '0.1: true over predicted, by tenths',
        '0.1: errors: predicted less true',
        '0.9: true over predicted, by tenths',
        '0.9: errors: predicted less true',
      ],
    ],
  ] as [Task, string[]][])('is drawn of %s', (task, labels) => {
    const { shape } = qualities[task]
    const charts = chartsOf(shape, undefined, 'version 1')
    expect(charts.map(({ label }) => label)).toEqual(labels)
    expectDrawable(charts)
  })

  it.each(Object.keys(qualities) as Task[])('is drawn of %s beside another version, of the same task only', (task) => {
    const { shape } = qualities[task]
    const [chart] = chartsOf(shape, shape, 'version 1')
    expect(chart?.lines.map(({ name }) => name).slice(0, 2)).toEqual(['this version', 'version 1'])
    const foreign = qualities[task === 'binary' ? 'regression' : 'binary'].shape
    const [alone] = chartsOf(shape, foreign, 'version 1')
    expect(alone?.lines.map(({ name }) => name)).not.toContain('version 1')
  })
})

describe('what a monitor saw', () => {
  const point = (seq: number, more: object) => ({
    seq,
    to: seq * 3_600_000,
    version: 1,
    rows: 100,
    psi: {},
    labels: 50,
    metrics: {},
    estimated: {},
    firing: false,
    ...more,
  })

  it.each([
    ['yes or no', { auc: 0.7 }, { auc: 0.71 }, { 'score:': 0.1 }, ['predictions']],
    ['classes', { f1Macro: 0.6 }, {}, { 'score:car': 0.3, 'class:': 0.2 }, ['probability of car', 'predicted class']],
    ['a number', { rmse: 12 }, {}, { 'score:': 0.1, age: 0.4 }, ['age', 'predictions']],
    ['several numbers', { 'mae:rent': 3 }, {}, { 'score:number:rent': 0.1 }, ['prediction of rent']],
  ])('is drawn of a model that answers %s, by its own metrics and names', (_, metrics, estimated, psi, names) => {
    const points = [point(1, { metrics, estimated, psi }), point(2, { metrics, estimated, psi, version: 2 })]
    const charts = timelineCharts({ points, rules: [], retrainings: [] })
    expectDrawable(charts)
    const [metric] = Object.keys(metrics)
    expect(charts.map(({ label }) => label)).toEqual(['Drift (PSI)', `Quality: ${metric}`, 'Rows a check'])
    expect(charts[0]?.lines.map(({ name }) => name)).toEqual(names)
    expect(charts[1]?.lines.map(({ name }) => name)).toEqual([
      'known from labels',
      ...(Object.keys(estimated).length > 0 ? ['estimated without labels'] : []),
    ])
    expect(charts[0]?.marks).toEqual([{ x: 7_200, words: 'version 2' }])
  })
})
