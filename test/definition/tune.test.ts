import { expect, it } from 'vitest'
import { z } from 'zod'
import {
  linear,
  log,
  oneOf,
  onnx,
  pipeline,
  program,
  sagemaker,
  sagemakerTuning,
  trees,
  whole,
} from '../../lib/definition/index.ts'
import { binary } from '../../lib/definition/target.ts'
import type { StepOf } from '../../lib/formats/plan.ts'
import { stepMaterial } from '../../lib/formats/step-key.ts'
import { digestOf } from '../../lib/store/digest.ts'

const Row = z.object({ id: z.int(), x: z.number(), y: z.int() })

const planOf = (options: object) =>
  pipeline('sample', (p) => {
    const rows = p.snapshot('rows', { from: 'rows.parquet', schema: Row })
    const parts = p.split(rows, { byHashOf: 'id', validation: 0.2, test: 0.2 })
    const features = ({ x }: { x: Float64Array }) => ({ x })
    p.package(
      p.train('model', { on: parts, features, target: binary('y'), learner: trees(), seed: 1, ...options } as never),
    )
  }).compile((userFunction) => ({
    name: userFunction.name,
    file: 'pipelines/sample/own.ts',
    digest: digestOf(String(userFunction)) as never,
    host: {},
  }))
const tuneStep = (options: object) => planOf(options).steps.find(({ kind }) => kind === 'tune') as StepOf<'tune'>

it('a tune step stands before the train step, which names it', () => {
  const { steps } = planOf({ tune: { trees: [50, 400] } })
  expect(steps.map(({ id }) => id)).toEqual([
    'rows',
    'split',
    'tune-model',
    'model',
    'package',
    'evaluate',
    'gate',
    'register',
  ])
  expect(steps.find(({ kind }) => kind === 'train')).toHaveProperty('tuned', 'tune-model')
  expect(steps[2]).toMatchObject({ split: 'split', budget: { trials: 50 }, seed: 1, learner: { kind: 'trees' } })
})

it('a plan without it says nothing of it', () => {
  expect(JSON.stringify(planOf({}))).not.toContain('tune')
})

it('numbers are whole where their learner takes no others, and of a program where that is said', () => {
  const tune = { trees: [50, 400], learningRate: log(0.02, 0.3), l2: [0, 10], categories: oneOf('ordered', 'sets') }
  expect(tuneStep({ tune }).space).toEqual({
    trees: { kind: 'whole', from: 50, to: 400 },
    learningRate: { kind: 'number', from: 0.02, to: 0.3, scale: 'log' },
    l2: { kind: 'number', from: 0, to: 10 },
    categories: { kind: 'choice', of: ['ordered', 'sets'] },
  })
  const learner = program({ command: ['./train'], folder: 'trainer' })
  expect(tuneStep({ learner, tune: { leaves: whole(log(8, 128)), dropout: [0, 1] } }).space).toEqual({
    leaves: { kind: 'whole', from: 8, to: 128, scale: 'log' },
    dropout: { kind: 'number', from: 0, to: 1 },
  })
})

it('the key of a tune step holds the space and the budget, and no value of what is tuned', () => {
  const tune = { trees: [50, 400] }
  const keyed = (options: object) => stepMaterial(tuneStep({ tune, ...options }), {}, {}).params
  expect(keyed({ learner: trees({ trees: 7 }) })).toEqual(keyed({}))
  expect(keyed({ learner: trees({ leaves: 7 }) })).not.toEqual(keyed({}))
  expect(keyed({ budget: { trials: 9 } })).not.toEqual(keyed({}))
  expect(keyed({ retune: true })).toEqual(keyed({}))
})

it('a budget has trials, time and cost', () => {
  const budget = { trials: 20, time: '2h', cost: { most: 5, perHour: 0.4 } }
  expect(tuneStep({ tune: { trees: [50, 400] }, budget }).budget).toEqual({
    trials: 20,
    timeMs: 7_200_000,
    cost: { most: 5, perHour: 0.4 },
  })
})

it.each([
  [{ tune: {} }, 'tune of "model", there is no parameter to tune'],
  [{ tune: { leafs: [2, 3] } }, 'tune of "model", leafs: its learner does not take 2'],
  [{ tune: { kind: oneOf('trees') } }, 'tune of "model", kind: its learner does not take'],
  [{ tune: { trees: [400, 50] } }, 'tune of "model", trees: from is above to'],
  [{ tune: { learningRate: log(0, 0.3) } }, 'tune of "model", learningRate: a logarithmic dimension begins above 0'],
  [{ tune: { learningRate: [0.1, 2] } }, 'tune of "model", learningRate: its learner does not take 2'],
  [{ tune: { leaves: [1.5, 8] } }, 'tune of "model", leaves: its learner does not take 1.5'],
  [{ tune: { categories: oneOf() } }, 'tune of "model", categories.of: it names no value'],
  [{ tune: { categories: oneOf('ordered', 'odd') } }, 'tune of "model", categories: its learner does not take "odd"'],
  [{ tune: { trees: [1, 2] }, learner: linear() }, 'tune of "model", trees: its learner does not take 1'],
  [{ tune: { trees: [1, 2] }, learner: onnx('model.onnx') }, 'tune of "model", model.onnx is a finished model'],
  [{ tune: { trees: [1, 2] }, budget: { trials: 0 } }, 'tune of "model", budget, trials'],
  [{ budget: { trials: 9 } }, 'tune of "model", there is a budget and nothing to tune'],
])('a search that is impossible is refused by name: %j', (options, message) => {
  expect(() => planOf(options)).toThrow(expect.objectContaining({ code: 'DEFINITION_INVALID' }))
  expect(() => planOf(options)).toThrow(message)
})

/* A search by SageMaker, of a learner that trains there. */
const there = sagemaker({
  image: 'trainer:1',
  instance: 'ml.m5.large',
  role: 'arn:aws:iam::123456789012:role/training',
  metrics: { auc: 'auc=([0-9.]+)' },
})
const byAuc = sagemakerTuning({ maximize: 'auc' })

it('SageMaker searches where that is said: one thing to do, whose best job is the model', () => {
  const tune = { l2: log(0.1, 10), mode: oneOf('a', 'b') }
  const step = tuneStep({ learner: there, tune, search: byAuc, budget: { trials: 20, time: '2h' } })
  expect(step).toMatchObject({
    search: { by: 'sagemaker', strategy: 'Bayesian', objective: { metric: 'auc', goal: 'maximize' }, atOnce: 5 },
    budget: { trials: 20, timeMs: 7_200_000 },
    lag: 0,
  })
  const plan = planOf({ learner: there, tune, search: byAuc })
  expect(plan.steps.find(({ kind }) => kind === 'train')).toMatchObject({ tuned: 'tune-model', ofTrial: true })
  const own = planOf({ learner: there, tune })
  expect(JSON.stringify(own)).not.toMatch(/search|ofTrial/)
})

it('a grid has as many trials as it has points', () => {
  const tune = { a: oneOf(1, 2, 3), b: oneOf('x', 'y') }
  const search = sagemakerTuning({ minimize: 'auc', strategy: 'Grid' })
  expect(tuneStep({ learner: there, tune, search })).toMatchObject({ budget: { trials: 6 } })
  expect(() => tuneStep({ learner: there, tune, search, budget: { trials: 5 } })).toThrow('has 6 points')
})

it.each([
  [{ learner: trees(), tune: { trees: [50, 400] } }, 'the learner trains elsewhere'],
  [{ search: sagemakerTuning({ minimize: 'loss' }) }, '"loss", which the learner does not say how to read'],
  [{ search: sagemakerTuning({ minimize: 'auc', strategy: 'Grid' }) }, 'l2: Grid takes choices only'],
  [{ budget: { cost: { most: 5, perHour: 1 } } }, 'budget.cost: SageMaker bounds no cost'],
  [{ budget: { time: '1m' } }, 'budget.time: SageMaker takes two minutes at least'],
  [{ tune: { mode: oneOf(1, '1') } }, 'mode: SageMaker passes texts'],
  [{ tune: undefined }, 'there is a search and nothing to tune'],
])('%#: what SageMaker cannot search is refused when it is planned', (options, words) => {
  expect(() => planOf({ learner: there, tune: { l2: [0, 1] }, search: byAuc, ...options })).toThrow(words)
})

it.each([
  [{}, 'it needs one metric'],
  [{ minimize: 'a', maximize: 'b' }, 'it needs one metric'],
  [{ minimize: 'a', strategy: 'Hyperband' }, 'how long a job trains'],
  [{ minimize: 'a', strategy: 'Hyperband', resource: [1, 9], earlyStopping: true }, 'takes no earlyStopping'],
  [{ minimize: 'a', strategy: 'Hyperband', resource: [9, 1] }, 'least is above most'],
  [{ minimize: 'a', resource: [1, 9] }, 'Bayesian takes no resource'],
  [{ minimize: 'a', atOnce: 0 }, 'atOnce'],
] as const)('%#: sagemakerTuning that says something impossible is refused', (options, words) => {
  expect(() => sagemakerTuning(options as never)).toThrow(words)
})
