import { mae, pipeline, r2, regression, rmse, trees } from 'slipway'
import { features } from './features.ts'
import { Day } from './schema.ts'

/** How warm will it get in Seattle today? */
export default pipeline('weather', (p) => {
  const days = p.snapshot('days', { from: 'node_modules/vega-datasets/data/seattle-weather.csv', schema: Day })
  const checked = p.validate(days, { unique: [['date']] })
  const years = p.split(checked, { by: 'date', validationFrom: '2014-07-01', testFrom: '2015-01-01' })
  const highs = p.train('highs', {
    on: years,
    features,
    target: regression('temp_max'),
    learner: trees({ trees: 300, leaves: 8, learningRate: 0.05, earlyStopping: 30 }),
    seed: 1,
  })
  const candidate = p.package(highs)
  p.gate(candidate, {
    on: years.test,
    must: [r2.atLeast(0.8), rmse.atMost(3.2), mae.atMost(2.6), rmse.notWorseThan('champion', { by: 0.2 })],
  })
})
