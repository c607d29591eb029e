import { expect, it } from 'vitest'
import { z } from 'zod'
import {
  type Builder,
  binary,
  linear,
  multiclass,
  pipeline,
  program,
  regression,
  trees,
} from '../../lib/definition/index.ts'
import { stepMaterial } from '../../lib/formats/step-key.ts'
import { digestOf } from '../../lib/store/digest.ts'

const Row = z.object({ id: z.int(), x: z.number(), y: z.int() })
type Options = Partial<Parameters<Builder['train']>[1]>

const trainStep = (options: object) => {
  const plan = pipeline('sample', (p) => {
    const rows = p.snapshot('rows', { from: 'rows.parquet', schema: Row })
    const parts = p.split(rows, { byHashOf: 'id', validation: 0.2, test: 0.2 })
    const features = ({ x }: { x: Float64Array }) => ({ x })
    p.train('model', { on: parts, features, target: binary('y'), learner: trees(), seed: 1, ...options } as never)
  }).compile((userFunction) => ({
    name: userFunction.name,
    file: 'pipelines/sample/own.ts',
    digest: digestOf(String(userFunction)) as never,
    host: {},
  }))
  return plan.steps.find(({ kind }) => kind === 'train') as Extract<(typeof plan.steps)[number], { kind: 'train' }>
}
const keyed = (options: Options | object) => stepMaterial(trainStep(options), {}, {}).params

it('a calibration is in a plan and in the key of its step, where there is one', () => {
  expect(keyed({ calibrate: 'isotonic', learner: linear() })).toHaveProperty('calibrate', 'isotonic')
  expect(keyed({ calibrate: 'platt', target: multiclass('y') })).toHaveProperty('calibrate', 'platt')
  expect(keyed({})).not.toHaveProperty('calibrate')
})

it.each([
  [{ target: regression('y') }, 'its target is regression'],
  [{ learner: program({ command: ['./train'], folder: 'trainer' }) }, 'which its learner (program) does not'],
])('a calibration of what has no probabilities to calibrate is refused', (options, message) => {
  expect(() => trainStep({ calibrate: 'platt', ...options })).toThrow(message)
})
