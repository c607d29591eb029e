import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { linear, pipeline, regression, trees } from '../../lib/definition/index.ts'
import type { Learned } from '../../lib/learners/learner.ts'
import { learnerOf } from '../../lib/learners/learners.ts'
import { linearLearner } from '../../lib/learners/linear/learner.ts'
import { treesLearner } from '../../lib/learners/trees/learner.ts'
import { describeLearner } from '../contracts/learner.ts'

describeLearner('trees', treesLearner, {
  parameters: trees({ trees: 30, leaves: 7 }),
  refused: [{ trees: 0 }, { leaves: 1 }, { l2: -1 }, { learningRate: 2 }],
})
describeLearner('trees by sets of categories', treesLearner, {
  parameters: trees({ trees: 30, leaves: 7, categories: 'sets' }),
  refused: [{ categories: 'some' }],
})
describeLearner('linear', linearLearner, {
  parameters: linear(),
  refused: [{ l2: 0 }, { l2: -1 }, { l2: 'much' }, { trees: 3 }],
})

describe('the table of learners', () => {
  const planOf = (learner: unknown) =>
    pipeline('p', (p) => {
      const rows = p.snapshot('rows', { from: 'rows.csv', schema: z.object({ x: z.number(), y: z.number() }) })
      const parts = p.split(rows, { random: { validation: 0.2, test: 0.2 } })
      const features = ({ x }: { x: Float64Array }) => ({ x })
      p.train('m', { on: parts, features, target: regression('y'), learner: learner as never, seed: 1 })
    }).compile(() => ({ name: 'f', file: 'f.ts', digest: `sha256:${'0'.repeat(64)}`, host: {} }))

  it('carries out what plans name', () => {
    for (const learner of [trees(), linear()]) {
      const train = planOf(learner).steps.find((step) => step.kind === 'train')
      expect(train?.learner).toEqual(learner)
      expect(learnerOf(learner).parameters).toEqual(learner)
    }
  })

  it('leaves what trees are trained by and what they report as they were: both are in digests of models', () => {
    expect(planOf(trees()).steps.find((step) => step.kind === 'train')).toMatchObject({
      learner: {
        kind: 'trees',
        trees: 200,
        leaves: 31,
        learningRate: 0.1,
        minRowsPerLeaf: 20,
        l2: 1,
        bins: 254,
        earlyStopping: 0,
      },
    })
    const rows = {
      features: [Float32Array.from({ length: 60 }, (_, row) => row)],
      labels: Float64Array.from({ length: 60 }, (_, row) => row),
    }
    const order = {
      model: 'm',
      task: 'regression',
      inputs: [{ name: 'x', kind: 'number' }],
      seed: 1,
      threads: 1,
    } as const
    const learned = treesLearner.train(
      { ...order, parameters: trees({ trees: 3 }), train: rows, validation: rows },
      () => {},
    )
    expect(Object.keys(learned).sort()).toEqual(['importance', 'onnx', 'predictions', 'report'])
    expect(learned).toMatchObject({ report: { trees: 3, validationLoss: { length: 3 } } })
    expect(Object.keys((learned as Learned).report).sort()).toEqual(['trees', 'validationLoss'])
  })

  it('names what there is to who asks for another one', () => {
    expect(() => planOf({ kind: 'forest' })).toThrow(
      expect.objectContaining({
        code: 'DEFINITION_INVALID',
        message:
          'pipeline "p", step "m", learner.kind: no learner is called "forest": there are trees, linear, onnx, program, sagemaker',
      }),
    )
    expect(() => planOf(undefined)).toThrow(
      'learner: this names no learner: there are trees, linear, onnx, program, sagemaker',
    )
    expect(() => learnerOf({ kind: 'outside', name: 'forest', parameters: {} })).toThrow(
      expect.objectContaining({
        code: 'DEFINITION_INVALID',
        facts: { next: expect.stringMatching(/^there are trees, linear, program, sagemaker; others are listed in/) },
      }),
    )
  })
})
