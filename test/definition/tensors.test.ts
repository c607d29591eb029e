import { describe, expect, it } from 'vitest'
import type { Builder } from '../../lib/definition/builder.ts'
import { errors, pipeline, psi } from '../../lib/definition/index.ts'

const planOf = (define: (p: Builder) => void) =>
  pipeline('encoder', define).compile(() => ({ name: '', file: '', digest: `sha256:${'0'.repeat(64)}`, host: {} }))

describe('a model of tensors in a pipeline', () => {
  it('is packaged as it is, registered, rolled out and watched, by steps of its own', () => {
    const { steps } = planOf((p) => {
      const encoder = p.tensors('models/encoder.onnx', { samples: 'samples.json' })
      const live = p.deploy(encoder, {
        endpoint: 'images',
        canary: { steps: [50], watch: [errors.notWorseBy(0.01)] },
        shadow: true,
      })
      p.monitor(live, { every: '1d', drift: psi.over(0.2) })
    })
    expect(steps).toMatchObject([
      {
        id: 'tensors',
        kind: 'tensors',
        file: 'models/encoder.onnx',
        samples: { file: 'samples.json' },
        name: 'encoder',
      },
      { kind: 'register', package: 'tensors', model: 'encoder' },
      { kind: 'deploy', package: 'tensors', policy: { strategy: { kind: 'canary' }, shadow: { share: 1 } } },
      { kind: 'monitor', package: 'tensors', time: null },
    ])
  })

  it('is a version of the model of its branch, or of the one that is named', () => {
    const { steps } = planOf((p) => {
      p.each(['small', 'large'], (branch, size) => branch.tensors(`${size}.onnx`))
      p.tensors('other.onnx', { name: 'mine', inputVersion: 2 })
    })
    const taken = steps.flatMap((step) => (step.kind === 'tensors' ? [[step.id, step.name, step.signature]] : []))
    expect(taken).toEqual([
      ['small/tensors', 'encoder-small', 1],
      ['large/tensors', 'encoder-large', 1],
      ['tensors', 'mine', 2],
    ])
  })

  it.each([
    ['a batch', (p: Builder) => p.batch(served(p), 'nightly', { cron: null, from: 'a', to: 'b' } as never)],
    ['retraining', (p: Builder) => p.monitor(served(p), { every: '1d', drift: psi.over(0.2), retrain: {} })],
    ['a gate', (p: Builder) => p.gate(p.tensors('a.onnx'), { on: {} as never, must: [] })],
  ])('has no rows for %s', (_, define) => {
    expect(() => planOf(define)).toThrow(/is a model of tensors, and this is about rows/)
  })

  it('is not watched for drift from nothing', () => {
    expect(() =>
      planOf((p) =>
        p.monitor(p.deploy(p.tensors('a.onnx'), { endpoint: 'e', allAtOnce: true }), {
          every: '1d',
          drift: psi.over(0.2),
        }),
      ),
    ).toThrow('"a.onnx" is watched for drift, and there is nothing to compare with')
  })
})

const served = (p: Builder) =>
  p.deploy(p.tensors('a.onnx', { samples: 's.json' }), { endpoint: 'images', allAtOnce: true })
