import { auc, binary, calibrationError, errors, latency, logLoss, pipeline, psi, size, slice, trees } from 'slipway'
import { features, late } from './features.ts'
import { Flight } from './schema.ts'

/**
 * Will a flight arrive more than 15 minutes late? Judged on the newest week, stopped by the one before, learnt from all
 * older ones.
 */
export default pipeline('flights', (p) => {
  const flights = p.snapshot('flights', { from: 'node_modules/vega-datasets/data/flights-3m.parquet', schema: Flight })
  const checked = p.validate(flights, { maxBadRows: 0.001, completeness: { origin: 0.99, destination: 0.99 } })
  const weeks = p.split(checked, { by: 'date', test: '7d', validation: '7d' })
  const delays = p.train('delays', {
    on: weeks,
    features,
    target: binary('delay', late),
    learner: trees({ trees: 160, leaves: 31, learningRate: 0.2, earlyStopping: 40 }),
    seed: 7,
  })
  const candidate = p.package(delays)
  p.gate(candidate, {
    on: weeks.test,
    must: [
      auc.atLeast(0.65),
      logLoss.atMost(0.55),
      calibrationError.atMost(0.12),
      auc.notWorseThan('champion', { by: 0.01 }),
      slice('origin', auc.atLeast(0.4)),
      size.atMost(2_000_000),
      latency.p99.atMost(100),
    ],
  })
  const live = p.deploy(candidate, {
    endpoint: 'flights',
    canary: {
      steps: [1, 5, 25, 50],
      minSamples: 50,
      watch: [errors.notWorseBy(0.01), latency.over(250).notWorseBy(0.02)],
      within: '2h',
    },
  })
  // Whole weeks: hour and weekday are features, and no hour is like the week (`slipway drift calibrate flights --span
  // 1h`).
  p.monitor(live, {
    every: '7d',
    drift: psi.over(0.2).for(2),
    quality: [calibrationError.above(0.05).for(2), auc.below(0.6).for(2)],
    retrain: { cooldown: '1d', maxPerDay: 2 },
    playbook:
      'See in the report which weeks are off. Rates of delay fall in spring: a retraining takes the newest weeks in.',
  })
})
