import { expect, it } from 'vitest'
import { z } from 'zod'
import { type Builder, binary, linear, onnx, pipeline, trees } from '../../lib/definition/index.ts'
import { stepMaterial } from '../../lib/formats/step-key.ts'
import { digestOf } from '../../lib/store/digest.ts'

const Row = z.object({ id: z.int(), x: z.number(), y: z.int() })
type Package = NonNullable<Parameters<Builder['package']>[1]>
type Tensors = NonNullable<Parameters<Builder['tensors']>[1]>

const planOf = (define: (p: Builder) => void) =>
  pipeline('sample', define).compile((userFunction) => ({
    name: userFunction.name,
    file: 'pipelines/sample/own.ts',
    digest: digestOf(String(userFunction)) as never,
    host: {},
  }))
const packageStep = (options: Package, learner: object = onnx('model.onnx')) => {
  const plan = planOf((p) => {
    const rows = p.snapshot('rows', { from: 'rows.parquet', schema: Row })
    const on = p.split(rows, { byHashOf: 'id', validation: 0.2, test: 0.2 })
    const features = ({ x }: { x: Float64Array }) => ({ x })
    p.package(p.train('model', { on, features, target: binary('y'), learner: learner as never, seed: 1 }), options)
  })
  return plan.steps.find(({ kind }) => kind === 'package') as (typeof plan.steps)[number]
}
const tensorStep = (options: Tensors) =>
  planOf((p) => p.tensors('encoder.onnx', options)).steps[0] as ReturnType<typeof packageStep>
const keyed = (step: ReturnType<typeof packageStep>) => stepMaterial(step, {}, {}).params

it('what is done to a graph is in the key of its step, with its limit, and nowhere where nothing is', () => {
  const rows = { fuse: true, quantize: 'int8', atMost: { metricLoss: 0.005 } }
  expect(keyed(packageStep({ optimise: { fuse: true, quantize: 'int8' } }))).toHaveProperty('optimise', rows)
  expect(keyed(packageStep({ optimise: { fuse: true } }))).toHaveProperty('optimise', { fuse: true })
  expect(keyed(packageStep({}))).not.toHaveProperty('optimise')
  const tensors = { quantize: 'int8', atMost: { difference: 0.01 } }
  const options = { samples: 'some.json', optimise: { quantize: 'int8', atMost: { difference: 0.01 } } } as const
  expect(keyed(tensorStep(options))).toHaveProperty('optimise', tensors)
  expect(keyed(tensorStep({ samples: 'some.json' }))).not.toHaveProperty('optimise')
})

it.each([
  [
    () => packageStep({ optimise: { fuse: true } }, trees()),
    'optimise gains nothing for trees(…): its trees are compiled',
  ],
  [() => packageStep({ optimise: { quantize: 'int8' } }, linear()), 'optimise gains nothing for linear(…)'],
  [() => packageStep({ optimise: {} }), 'optimise says nothing to do'],
  [() => packageStep({ optimise: { fuse: true, atMost: { metricLoss: 0.1 } } }), 'optimise.atMost is about int8'],
  [
    () => packageStep({ optimise: { quantize: 'int8', atMost: { metricLoss: -1 } } }),
    'optimise.atMost.metricLoss is -1',
  ],
  [() => tensorStep({ optimise: { quantize: 'int8' } }), 'optimise without samples'],
])('what gains nothing or cannot be measured is refused when it is planned (%#)', (plan, message) => {
  expect(plan).toThrow(message)
})
