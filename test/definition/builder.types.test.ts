import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { packageRoot } from '../../lib/code/host.ts'
import {
  accuracy,
  auc,
  binary,
  brier,
  driftMeasure,
  errors,
  f1Macro,
  gate,
  logLoss,
  metric,
  multiclass,
  type Numbers,
  pipeline,
  psi,
  regression,
  rmse,
  slice,
  trees,
} from '../../lib/definition/index.ts'

const Flight = z.object({
  date: z.date(),
  delay: z.number(),
  distance: z.number(),
  origin: z.string(),
  tail: z.string().nullable(),
  cancelled: z.boolean().nullable(),
  number: z.int64(),
})
const late = (delay: Float64Array) => Uint8Array.from(delay, (minutes) => (minutes > 15 ? 1 : 0))
const features = ({ distance, origin }: { distance: Float64Array; origin: readonly string[] }) => ({ distance, origin })
const learner = trees()
const cost = (predictions: Numbers, labels: Float64Array) => predictions.length + labels.length
const byDistance = (_: Numbers, __: Float64Array, { distance }: { distance: Float64Array }) => distance.length
const byWeather = (_: Numbers, __: Float64Array, { weather }: { weather: Float64Array }) => weather.length
const byOrigin = (_: Numbers, __: Float64Array, { origin }: { origin: Float64Array }) => origin.length
const even = () => ({ passed: true, evidence: '' })

// Never run: what counts is what does not compile.
const wrong = () =>
  pipeline('wrong', (p) => {
    const raw = p.snapshot('flights', { from: 'x.parquet', schema: Flight })
    // @ts-expect-error there is no column "orgin"
    p.validate(raw, { completeness: { orgin: 0.9 } })
    // @ts-expect-error a uniqueness rule names columns
    p.validate(raw, { unique: [['id']] })
    // @ts-expect-error the split by time wants a date column
    p.split(raw, { by: 'distance', validationFrom: '2001-05-01', testFrom: '2001-06-01' })
    // @ts-expect-error a split at random says how much validates and how much tests
    p.split(raw, { random: { test: 0.2 }, seed: 1 })
    p.split(raw, { random: { validation: 0.2, test: 0.2 }, seed: 1 })
    const parts = p.split(raw, { by: 'date', validationFrom: '2001-05-01', testFrom: '2001-06-01' })
    const target = binary('delay', late)
    p.train('a', {
      on: parts,
      // @ts-expect-error the feature function wants a column that the schema does not have
      features: (c: { weather: Float64Array }) => ({ x: c.weather }),
      target,
      learner,
      seed: 1,
    })
    // @ts-expect-error the target's column is not a feature: it is not known when a flight is predicted
    p.train('b', { on: parts, features: (c: { delay: Float64Array }) => ({ x: c.delay }), target, learner, seed: 1 })
    const trained = p.train('answered', { on: parts, features, target, learner, seed: 1 })
    p.package(trained, { answer: ({ probability }, { distance }) => probability.map((p, i) => p + (distance[i] ?? 0)) })
    // @ts-expect-error a yes/no model has a probability, not a prediction
    p.package(trained, { answer: (scores: { prediction: Float32Array }) => scores.prediction })
    // @ts-expect-error the target is not known when a flight is answered
    p.package(trained, { answer: (_, { delay }: { delay: Float64Array }) => delay })
    // @ts-expect-error an answer is a number, a truth value or a text
    p.package(trained, { answer: ({ probability }) => Array.from(probability, () => null) })
    // @ts-expect-error text comes as strings, not numbers
    p.train('c', { on: parts, features: (c: { origin: Float64Array }) => ({ x: c.origin }), target, learner, seed: 1 })
    // @ts-expect-error a nullable text may be null
    p.train('d', { on: parts, features: (c: { tail: readonly string[] }) => ({ x: c.tail }), target, learner, seed: 1 })
    p.train('e', {
      on: parts,
      features,
      // @ts-expect-error the target function gets numbers here, not text
      target: binary('delay', (delay: readonly string[]) => delay.map(Number)),
      learner,
      seed: 1,
    })
    p.train('j', { on: parts, features, target: binary('cancelled'), learner, seed: 1 })
    p.train('k', { on: parts, features, target: binary('delay'), learner, seed: 1 })
    // @ts-expect-error text is no yes or no without a function
    p.train('l', { on: parts, features, target: binary('tail'), learner, seed: 1 })
    // @ts-expect-error a date is no yes or no without a function
    p.train('m', { on: parts, features, target: binary('date'), learner, seed: 1 })
    // @ts-expect-error a whole number of any size comes as text
    p.train('n', { on: parts, features, target: binary('number'), learner, seed: 1 })
    // @ts-expect-error a cross names features that the function makes
    p.train('g', { on: parts, features, target, crosses: [['origin', 'weekday']], learner, seed: 1 })
    // @ts-expect-error a weight is a number
    p.train('h', { on: parts, features, target, weight: 'origin', learner, seed: 1 })
    const ofDistance = ({ distance }: { distance: Float64Array }) => ({ distance })
    // @ts-expect-error the weight's column is not a feature: nobody weighs what is to be predicted
    p.train('i', { on: parts, features: ofDistance, target, weight: 'distance', learner, seed: 1 })
    // @ts-expect-error a table was not split: there is nothing to validate with
    p.train('f', { on: raw, features, target, learner, seed: 1 })
    const model = p.train('model', { on: parts, features, target, learner, seed: 1 })
    // @ts-expect-error a model that was not packaged cannot be gated
    p.gate(model, { on: parts.test, must: [auc.atLeast(0.6)] })
    const candidate = p.package(model)
    // @ts-expect-error a regression metric cannot judge a classifier
    p.gate(candidate, { on: parts.test, must: [rmse.atMost(1)] })
    // @ts-expect-error a margin is in units or a share, not both
    p.gate(candidate, { on: parts.test, must: [auc.notWorseThan('champion', { by: 0.01, byShare: 0.01 })] })
    p.gate(candidate, { on: parts.test, must: [auc.notWorseThan('champion', { byShare: 0.01 })] })
    // @ts-expect-error a comparison is left out by these words only
    p.gate(candidate, { on: parts.test, must: [auc.atLeast(0.6)], champion: false })
    // @ts-expect-error there is no column "airline" to slice by
    p.gate(candidate, { on: parts.test, must: [slice('airline', auc.atLeast(0.5))] })
    const small = { better: 'smaller' } as const
    p.gate(candidate, { on: parts.test, must: [metric('cost', cost, small).atMost(3), gate('even', even)] })
    p.gate(candidate, { on: parts.test, must: [slice('origin', metric('cost', cost, small).atMost(3))] })
    const far = metric('far', byDistance, { ...small, columns: ['distance'] })
    p.gate(candidate, { on: parts.test, must: [far.notWorseThan('champion', { by: 1 }), auc.atLeast(0.6)] })
    // @ts-expect-error a metric says which way it is good
    metric('cost', cost, {})
    // @ts-expect-error a metric gives a number
    metric('cost', () => 'much', small)
    // @ts-expect-error a metric that takes columns says which
    metric('far', byDistance, small)
    // @ts-expect-error a metric names the columns that its function takes
    metric('far', byDistance, { ...small, columns: ['weather'] })
    const wet = metric('wet', byWeather, { ...small, columns: ['weather'] })
    // @ts-expect-error there is no column "weather" for the metric
    p.gate(candidate, { on: parts.test, must: [wet.atMost(1)] })
    const near = metric('near', byOrigin, { ...small, columns: ['origin'] })
    // @ts-expect-error text comes to a metric as strings, not numbers
    p.gate(candidate, { on: parts.test, must: [near.atMost(1)] })
    // @ts-expect-error there is no column "airline" to slice by, of a metric of the user's either
    p.gate(candidate, { on: parts.test, must: [slice('airline', metric('cost', cost, small).atMost(3))] })
    // @ts-expect-error a gate of the user's judges the evaluation, slices included
    slice('origin', gate('even', even))
    // @ts-expect-error a gate of the user's says why
    gate('even', () => ({ passed: true }))
    // @ts-expect-error a drift measure gives a number
    driftMeasure('mine', () => true)
    const served = p.deploy(candidate, { endpoint: 'watched', allAtOnce: true })
    p.monitor(served, {
      every: '1h',
      drift: [
        psi.over(0.2),
        driftMeasure('mine', () => 0)
          .over(0.1)
          .for(2),
      ],
    })
    // @ts-expect-error a metric is no measure of drift
    p.monitor(served, { every: '1h', drift: metric('cost', cost, small).atMost(3) })
    // @ts-expect-error more is better: an alarm is raised below a limit
    p.monitor(served, { every: '1h', quality: auc.above(0.5) })
    // @ts-expect-error an approval has a deadline with a unit
    p.approve(candidate, { role: 'lead', within: '24', otherwise: 'reject' })
    // @ts-expect-error a model that was not packaged cannot be served
    p.deploy(model, { endpoint: 'e', allAtOnce: true })
    // @ts-expect-error a rollout has a strategy
    p.deploy(candidate, { endpoint: 'e' })
    // @ts-expect-error steps are numbers
    p.deploy(candidate, { endpoint: 'e', canary: { steps: ['5 %'] } })
    // @ts-expect-error a gate is nothing to watch
    p.deploy(candidate, { endpoint: 'e', canary: { steps: [5], watch: [auc.atLeast(0.5)] } })
    p.deploy(candidate, { endpoint: 'e', shadow: true, canary: { steps: [5, 50], watch: [errors.notWorseBy(0.01)] } })
    const other = p.package(p.train('minutes', { on: parts, features, target: regression('delay'), learner, seed: 1 }))
    // @ts-expect-error a classification metric cannot judge a regression
    p.gate(other, { on: parts.test, must: [auc.atLeast(0.5)] })
    p.gate(other, { on: parts.test, must: [rmse.atMost(30), slice('origin', rmse.atMost(60))] })

    const whence = ({ distance }: { distance: Float64Array }) => ({ distance })
    // @ts-expect-error a date is no class
    p.train('when', { on: parts, features: whence, target: multiclass('date'), learner, seed: 1 })
    const origin = p.train('origin', { on: parts, features: whence, target: multiclass('origin'), learner, seed: 1 })
    const port = p.package(origin)
    // @ts-expect-error the area under the curve is of two classes
    p.gate(port, { on: parts.test, must: [auc.atLeast(0.5)] })
    // @ts-expect-error a mean over classes judges no model of two
    p.gate(candidate, { on: parts.test, must: [f1Macro.atLeast(0.5)] })
    p.gate(port, { on: parts.test, must: [f1Macro.atLeast(0.5), accuracy.atLeast(0.5), logLoss.atMost(1)] })

    const byRegion = p.each(['east', 'west'], (p, region) => {
      // @ts-expect-error an item is one of the names given
      const south: 'south' = region
      return p.package(p.train(`model-${south}`, { on: parts, features, target, learner, seed: 1 }))
    })
    // @ts-expect-error there is no branch "south"
    p.gate(byRegion.south, { on: parts.test, must: [auc.atLeast(0.6)] })
    // @ts-expect-error what branches made are classifiers
    p.gate(byRegion.east, { on: parts.test, must: [rmse.atMost(1)] })
    p.gate(byRegion.east, { on: parts.test, must: [auc.atLeast(0.6)] })
    // @ts-expect-error an item that is no name has one
    p.each([{ leaves: 3 }], () => {})
    const bySize = p.each([{ name: 'small', leaves: 3 }], (p, { leaves, name }) => {
      // @ts-expect-error a branch returns a model that was not packaged: it cannot be served
      p.deploy(p.train(name, { on: parts, features, target, learner: trees({ leaves }), seed: 1 }), { endpoint: name })
      return p.train(name, { on: parts, features, target, learner: trees({ leaves }), seed: 1 })
    })
    // @ts-expect-error a model that was not packaged cannot be gated, in a branch or not
    p.gate(bySize.small, { on: parts.test, must: [auc.atLeast(0.6)] })
    const some = p.each(['a', 'b'] as string[], (p) => p.package(model))
    // @ts-expect-error of names that are known only when it runs, there may be none called so
    p.gate(some.a, { on: parts.test, must: [auc.atLeast(0.6)] })
    const days = { by: 'date', cutoffs: ['2001-02-01'], test: '7d', validation: '7d' } as const
    const training = { features, target, learner, seed: 1 }
    const past = p.backtest('past', raw, { ...days, train: training })
    p.gate(candidate, { on: parts.test, must: [past.worst(auc).atLeast(0.6), past.worst(brier).atMost(0.3)] })
    p.backtest('moved', raw, { ...days, cutoffs: { every: '30d', last: 6 }, train: training })
    // @ts-expect-error a regression metric cannot judge a backtest of classifiers
    past.worst(rmse)
    // @ts-expect-error a backtest has no champion to compare with
    past.worst(auc).notWorseThan('champion', { by: 0.1 })
    // @ts-expect-error of a metric of the user's a backtest knows nothing
    past.worst(metric('cost', cost, small))
    // @ts-expect-error a backtest of classifiers cannot judge a regression
    p.gate(other, { on: parts.test, must: [past.worst(auc).atLeast(0.6)] })
    // @ts-expect-error what a backtest trained cannot be served
    p.deploy(past, { endpoint: 'e', allAtOnce: true })
    // @ts-expect-error a backtest goes by a column of dates
    p.backtest('far', raw, { ...days, by: 'distance', train: training })
    // @ts-expect-error a backtest says how far its test rows go back
    p.backtest('far', raw, { by: 'date', cutoffs: ['2001-02-01'], validation: '7d', train: training })
    // @ts-expect-error a backtest that goes back says how often
    p.backtest('far', raw, { ...days, cutoffs: { every: '30d' }, train: training })
    const wrongly = (c: { weather: Float64Array }) => ({ x: c.weather })
    // @ts-expect-error the feature function wants a column that the schema does not have
    p.backtest('far', raw, { ...days, train: { ...training, features: wrongly } })
    // @ts-expect-error there is no column "late" to predict
    p.backtest('far', raw, { ...days, train: { ...training, target: binary('late') } })
    // @ts-expect-error the limit is a number
    pipeline('limited', { parallel: 'all' }, () => {})
    pipeline('limited', { parallel: 8 }, () => {})
  })

it('compiles, with each mistake above an error', () => {
  // Fails with the compiler's own words, an unused @ts-expect-error included.
  const compile = () =>
    execFileSync(process.execPath, [join(packageRoot, 'node_modules/typescript/bin/tsc'), '-p', packageRoot], {
      encoding: 'utf8',
      stdio: 'pipe',
    })
  expect(compile).not.toThrow()
  expect(wrong).toBeInstanceOf(Function)
})
