import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sageMakerName, sageMakerTags } from '../../lib/sagemaker/names.ts'

describe('names in SageMaker', () => {
  it('are taken by SageMaker whatever they are made of', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), fc.string({ maxLength: 20 }), fc.nat(99), (stem, what, attempt) => {
        const name = sageMakerName(stem, { what }, String(attempt))
        expect(name).toMatch(/^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$/)
      }),
    )
  })

  it('are readable, and the same of the same', () => {
    // printf '{"step":"x"}' | sha256sum
    expect(sageMakerName('loans risk', { step: 'x' }, '2')).toBe('loans-risk-034138f4542eadf4-2')
    expect(sageMakerName('loans risk', { step: 'y' }, '2')).not.toBe(sageMakerName('loans risk', { step: 'x' }, '2'))
  })

  it('and tags hold what tags may hold', () => {
    expect(sageMakerTags({ step: 'sha256:ab', run: 'r<1>', none: undefined })).toEqual([
      { Key: 'slipway:step', Value: 'sha256:ab' },
      { Key: 'slipway:run', Value: 'r-1-' },
    ])
  })
})
