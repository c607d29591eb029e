import { auc, binary, calibrationError, errors, latency, logLoss, pipeline, size, slice, trees } from 'slipway'
import { features, late } from './features.ts'
import { Flight } from './schema.ts'

/** Will a flight arrive more than 15 minutes late? Learnt from January to April, stopped by May, judged on June. */
export default pipeline('flights', (p) => {
  const flights = p.snapshot('flights', { from: 'node_modules/vega-datasets/data/flights-3m.parquet', schema: Flight })
  const checked = p.validate(flights, { maxBadRows: 0.001, completeness: { origin: 0.99, destination: 0.99 } })
  const months = p.split(checked, { by: 'date', validationFrom: '2001-05-01', testFrom: '2001-06-01' })
  const delays = p.train('delays', {
    on: months,
    features,
    target: binary('delay', late),
    learner: trees({ trees: 160, leaves: 31, learningRate: 0.2, earlyStopping: 40 }),
    seed: 7,
  })
  const candidate = p.package(delays)
  p.gate(candidate, {
    on: months.test,
    must: [
      auc.atLeast(0.69),
      logLoss.atMost(0.5),
      calibrationError.atMost(0.05),
      auc.notWorseThan('champion', { by: 0.005 }),
      slice('origin', auc.atLeast(0.5)),
      size.atMost(2_000_000),
      latency.p99.atMost(50),
    ],
  })
  p.deploy(candidate, {
    endpoint: 'flights',
    canary: {
      steps: [1, 5, 25, 50],
      minSamples: 50,
      watch: [errors.notWorseBy(0.01), latency.over(250).notWorseBy(0.02)],
      within: '2h',
    },
  })
})
