import { InferenceSession, Tensor } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { readOnnx } from '../../lib/compiler/onnx.ts'
import { readForest } from '../../lib/compiler/read-forest.ts'
import { linear, trees } from '../../lib/definition/learners.ts'
import type { LearnerParameters } from '../../lib/formats/learner.ts'
import type { Task } from '../../lib/formats/plan.ts'
import type { LearnerRows, ModelInput } from '../../lib/learners/learner.ts'
import { learnerOf } from '../../lib/learners/learners.ts'

const rows = 300
const texts = ['x', 'y', 'z']
const numbers = Float32Array.from({ length: rows }, (_, row) => (row % 7 === 0 ? Number.NaN : (row * 37) % 100))
const codes = Float32Array.from({ length: rows }, (_, row) => row % 3)
const lift = Float64Array.from({ length: rows }, (_, row) => ((row * 37) % 100) + 20 * (row % 3))
const far = lift.map((value) => 1.7e9 + value)
const classes = lift.map((value) => Number(value > 70))

const models: [what: string, learner: LearnerParameters, task: Task, labels: Float64Array][] = [
  ['trees of two classes', trees({ trees: 5 }), 'binary', classes],
  ['trees of a number', trees({ trees: 5 }), 'regression', lift],
  ['trees of a number that float32 cannot hold', trees({ trees: 5 }), 'regression', far],
  ['trees with sets of two classes', trees({ trees: 5, categories: 'sets' }), 'binary', classes],
  ['trees with sets of a number', trees({ trees: 5, categories: 'sets' }), 'regression', lift],
  ['a linear model of two classes', linear(), 'binary', classes],
  ['a linear model of a number', linear(), 'regression', lift],
  ['a linear model of a number that float32 cannot hold', linear(), 'regression', far],
]

describe.each(models)('%s', (_, parameters, task, labels) => {
  const { categoryOrder: __, ...learner } = learnerOf(parameters)
  const given: LearnerRows = { features: [numbers, codes], labels }

  async function trained(number: string, text: string): Promise<Uint8Array> {
    const inputs: ModelInput[] = [
      { name: number, kind: 'number' },
      { name: text, kind: 'category', categories: texts },
    ]
    const order = { model: 'm', task, seed: 1, inputs, train: given, validation: given, threads: 1 }
    return (await learner.train(order, () => {})).onnx
  }
  async function answers(onnx: Uint8Array, number: string, text: string): Promise<unknown> {
    const output = task === 'binary' ? 'probabilities' : 'prediction'
    const session = await InferenceSession.create(onnx)
    const feeds = {
      [number]: new Tensor('float32', numbers, [rows, 1]),
      [text]: new Tensor(
        'string',
        Array.from(codes, (code) => texts[code] as string),
        [rows, 1],
      ),
    }
    const results = await session.run(feeds, [output])
    await session.release()
    return results[output]?.data
  }

  it('may have features that are called as any value inside its graph', async () => {
    const plain = await trained('a', 't')
    const expected = await answers(plain, 'a', 't')
    const { graph } = readOnnx(plain)
    const outputs = graph.output.map(({ name }) => name)
    const between = [...graph.node.flatMap(({ output }) => output), ...graph.initializer.map(({ name }) => name)]
    const taken = between.filter((name) => !outputs.includes(name))
    expect(taken.length).toBeGreaterThan(0)
    for (const name of taken) {
      const onnx = await trained(name, 't')
      expect(await answers(onnx, name, 't')).toEqual(expected)
      expect(await answers(await trained('a', name), 'a', name)).toEqual(expected)
      if (parameters.kind === 'trees' && labels !== far)
        expect(readForest(onnx).inputs.map((input) => input.name)).toContain(name)
    }
    // The name that a value would give way to may be taken as well.
    const [first] = taken as [string, ...string[]]
    expect(await answers(await trained(first, `:${first}`), first, `:${first}`)).toEqual(expected)
  })
})
