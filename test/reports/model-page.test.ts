import { describe, expect, it } from 'vitest'
import type { Scored } from '../../lib/formats/metrics/metric.ts'
import type { Tuning } from '../../lib/formats/tuning.ts'
import { modelPage } from '../../lib/reports/model-page.ts'
import type { ModelReport } from '../../lib/reports/model-report.ts'
import { modelQuality } from '../../lib/stats/model-quality.ts'

const digest = `sha256:${'a'.repeat(64)}`
const rows = 2_000
const labels = Float64Array.from({ length: rows }, (_, i) => i % 2)
/** Scores that part the classes the better the larger `skill` is. */
const scored = (skill: number): Scored => ({
  predictions: labels.map((label, i) => 0.5 + skill * (label - 0.5) + ((i * 7919) % 1000) / 2500 - 0.2),
  labels,
})
const gate = { name: 'auc ≥ 0.6', passed: true, metric: 'auc', value: 0.9, limit: 0.6, evidence: '0.9 ≥ 0.6' }
const report = (changes: Partial<ModelReport> = {}): ModelReport => ({
  model: 'flights',
  version: 3,
  digest,
  aliases: ['candidate'],
  task: 'binary',
  target: 'delay',
  made: { run: 'flights-20010401-000000-abcd', at: '2001-04-01T00:00:00.000Z', origin: { commit: 'c0ffee' } },
  training: {
    rows: { train: 9_000, validation: 1_000 },
    features: [],
    meanLabel: 0.5,
    trees: 2,
    validationLoss: [0.6, 0.5, 0.55],
    validationMetrics: {},
  },
  learner: '3 trees × 7 leaves, seed 7',
  code: [{ what: 'feature code', name: 'features', digest }],
  data: { snapshot: digest, rows: 12_000, head: ['column'], columns: [['x']], more: 0 },
  gates: [gate],
  judged: {
    quality: modelQuality({ task: 'binary', scored: scored(0.2) }, 1),
    importance: [{ feature: 'hour', loss: 0.1, spread: 0.01 }],
    slices: {
      origin: [
        { value: 'SFO', rows: 900, metrics: { auc: 0.8 } },
        { value: 'LAX', rows: 1_000, metrics: { auc: 0.7 } },
        { value: 'SCC', rows: 6, metrics: { auc: 0 } },
      ],
    },
  },
  against: {
    version: 'version 2',
    quality: modelQuality({ task: 'binary', scored: scored(0.1) }, 1),
    rows: 'the same',
  },
  ...changes,
})

describe('the page of a model', () => {
  it('says first whether the gates passed, and how good it is beside what it was judged against', () => {
    const { judged, against } = report()
    const value = (quality: typeof judged) => quality?.quality.metrics.auc?.value.toPrecision(4)
    const verdict = /<p class="verdict">(.*?)<\/p>/.exec(modelPage(report()))?.[1]
    expect(verdict).toContain(`All 1 gates passed. auc ${value(judged)} (`)
    expect(verdict).toContain(
      `; version 2 reaches ${against?.quality.metrics.auc?.value.toPrecision(4)} on the same rows`,
    )
    const failed = modelPage(report({ gates: [{ ...gate, passed: false }] }))
    expect(failed).toContain('<p class="verdict alarm">Failed: auc ≥ 0.6.')
  })

  it('draws both models', () => {
    const roc = /<svg[^>]*aria-label="ROC curve">.*?<\/svg>/.exec(modelPage(report()))?.[0]
    expect(roc).toContain('class="path"')
    expect(roc).toContain('class="then-line"')
    const alone = /<svg[^>]*aria-label="ROC curve">.*?<\/svg>/.exec(modelPage(report({ against: null })))?.[0]
    expect(alone).not.toContain('class="then-line"')
  })

  it('has the values of a slice in order, the worst first, and leaves out what has too few rows', () => {
    const page = modelPage(report())
    expect(page.indexOf('LAX')).toBeLessThan(page.indexOf('SFO'))
    expect(page).not.toContain('SCC')
    expect(page).toContain('1 with too few rows to judge by')
  })

  it('shows a number that is predicted', () => {
    const predicted = scored(0.2)
    const labelled = { ...predicted, labels: Float64Array.from(predicted.predictions, (p) => p + 1) }
    const quality = modelQuality({ task: 'regression', scored: labelled }, 1)
    const judged = { quality, importance: [], slices: {} }
    const page = modelPage(report({ task: 'regression', judged, against: null }))
    expect(page).toContain('aria-label="Predicted and true"')
    expect(page).toContain('>-1<')
    expect(page).not.toContain('NaN')
  })

  it('shows which classes are taken for which', () => {
    const predictions = Float32Array.of(0.8, 0.1, 0.1, 0.2, 0.5, 0.3, 0.6, 0.3, 0.1, 0.1, 0.2, 0.7)
    const classes = ['adelie', 'chinstrap', 'g<en>too']
    const classesScored = { predictions, labels: Float64Array.of(0, 1, 1, 2) }
    const quality = modelQuality({ task: 'multiclass', scored: classesScored, classes }, 1)
    const judged = { quality, importance: [], slices: {} }
    const page = modelPage(report({ task: 'multiclass', judged, against: null }))
    expect(page).toMatch(/<th>chinstrap<\/th><td[^>]*title="50 %">1<\/td><td[^>]*title="50 %">1<\/td><td[^>]*>0<\/td>/)
    expect(page).toMatch(/<th>adelie<\/th><td class="number">1<\/td><td class="number">0.5<\/td><td class="number">1</)
    expect(page).toContain('g&lt;en&gt;too')
  })

  it('says what is not on record', () => {
    const page = modelPage(report({ version: null, judged: null, against: null, gates: [], made: null }))
    expect(page).toContain('<h1>flights, not registered</h1>')
    expect(page).toContain('No gate judged it. How it did on test rows is not on record.')
  })

  it('needs nothing else, and runs nothing that a name smuggles in', () => {
    const page = modelPage(report({ target: '<script>alert(1)</script>', learner: '"><img src=x>' }))
    expect(page).not.toMatch(/<(script|img|link|a)\b/)
    expect(page).toContain('&lt;script&gt;')
  })

  it('draws how parameters were chosen, a line a trial on all rows, and lists them with those that failed', () => {
    const trial = (number: number, trees: number, more: object) => ({
      number,
      parameters: { trees, l2: 1 },
      share: 1,
      ...more,
    })
    const done = (loss: number) => ({ result: { state: 'done', loss } as const })
    const trials = [
      { ...trial(1, 50, done(0.5)), share: 1 / 3 },
      trial(2, 50, done(0.4)),
      trial(3, 100, done(0.3)),
      trial(4, 75, { result: { state: 'failed', why: 'PROGRAM_FAILED' } }),
    ] as unknown as Tuning['trials']
    const space = {
      trees: { kind: 'whole', from: 50, to: 100 },
      l2: { kind: 'number', from: 0.01, to: 100, scale: 'log' },
    } as const
    const tuning: Tuning = {
      slipway: 'tuning/1',
      loss: 'logLoss',
      space,
      budget: { trials: 4 },
      seed: 1,
      trials,
      chosen: 3,
    }
    const times = [{ number: 4, seconds: 2, processorSeconds: 2, message: 'it ended with <1>' }]
    const page = modelPage(report({ tuning: { trials: tuning, times } }))
    const drawing = /<svg[^>]*aria-label="Trials in parallel coordinates">.*?<\/svg>/.exec(page)?.[0] ?? ''
    // Axes: l2 by its logarithm (1 is half way), trees, and the loss; 0 is at 230, 1 at 30.
    expect([...drawing.matchAll(/ d="(M[^"]*)"/g)].map(([, d]) => d)).toEqual([
      'M50 130.0L180 230.0L310 30.0',
      'M50 130.0L180 30.0L310 230.0',
    ])
    expect(drawing).toContain('stroke-width:3" d="M50 130.0L180 30.0L310 230.0"')
    expect(page).toContain('In the table only: 1 on fewer rows, 1 that failed.')
    expect(page).toContain('title="it ended with &lt;1&gt;">PROGRAM_FAILED')
    expect(page.indexOf('chosen:&nbsp;3')).toBeLessThan(page.indexOf('>2</td>'))
  })
})
