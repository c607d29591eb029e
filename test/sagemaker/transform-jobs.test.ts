import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ensureModel } from '../../lib/sagemaker/models.ts'
import { staging } from '../../lib/sagemaker/staging.ts'
import { runTransform, type WantedTransform } from '../../lib/sagemaker/transform-jobs.ts'
import type { Fault } from '../sagemaker-fake/script.ts'
import { fakeRole, openSageMaker, type SageMakerPlace } from '../support/sagemaker.ts'

/** Jobs that do not end well: no container is ever asked, so none is needed. */
describe('a transform job that does not end well', () => {
  let place: SageMakerPlace
  let model: string
  beforeAll(async () => {
    place = await openSageMaker()
    model = await ensureModel(place.clients, {
      model: 'flights',
      version: 1,
      digest: `sha256:${'1'.repeat(64)}`,
      image: 'slipway:1',
      role: fakeRole,
      data: `s3://${place.bucket.store.bucket}/model.tar.gz`,
    })
  })
  afterAll(() => place.stop())

  const wanted = (what: string, over: Partial<WantedTransform> = {}): WantedTransform => {
    const at = staging(place.bucket.store, `transform/${what}`)
    return {
      stem: `slipway-${what}`,
      what,
      run: 'run-1',
      model,
      policy: {
        kind: 'sagemaker',
        image: 'slipway:1',
        role: fakeRole,
        instance: 'ml.m5.large',
        count: 1,
        payloadMb: 6,
        timeoutMs: 60_000,
      },
      from: `${at.uri}/in/`,
      fields: { row: 'slipwayRow', input: 'input', answer: 'SageMakerOutput' },
      tags: [],
      toOf: (attempt) => `${at.uri}/out-${attempt}`,
      isWhole: async () => true,
      signal: new AbortController().signal,
      isUnwanted: () => true,
      progress: () => {},
      ...over,
    }
  }
  const run = (what: string, over: Partial<WantedTransform> = {}) => runTransform(place.clients, wanted(what, over))
  const fault = (given: Omit<Fault, 'operation'>): void =>
    place.fake.world.script.addFault({ operation: 'CreateTransformJob', ...given })
  const behave = (what: string, does: string, more: object = {}): void =>
    place.fake.world.script.addBehaviour({ resource: 'transform-job', name: what, does, ...more })
  const asked = (operation: string, what: string): number =>
    place.fake.world.requests.filter(
      (each) => each.operation === operation && each.error === undefined && JSON.stringify(each.request).includes(what),
    ).length

  it.each([
    ['AccessDeniedException', 'SAGEMAKER_DENIED', 'AWS credentials'],
    ['ResourceLimitExceeded', 'SAGEMAKER_QUOTA', 'quota raised'],
  ])('%s is %s, at once', async (code, own, next) => {
    fault({ code })
    await expect(run(`denied-${code}`)).rejects.toMatchObject({
      code: own,
      retryable: false,
      facts: { next: expect.stringContaining(next) },
    })
    expect(asked('CreateTransformJob', `denied-${code}`)).toBe(0)
  })

  it('says what SageMaker says, and the next run gets another job', async () => {
    // Nothing lies below its input.
    const empty = { code: 'SAGEMAKER_JOB_FAILED', message: expect.stringMatching(/No S3 objects found under S3 URL/) }
    await expect(run('empty')).rejects.toMatchObject(empty)
    // Whoever tries again for the same run is told the same, and another run tries anew.
    await expect(run('empty')).rejects.toMatchObject(empty)
    expect(asked('CreateTransformJob', 'slipway-empty')).toBe(1)
    await expect(run('empty', { run: 'run-2' })).rejects.toMatchObject(empty)
    expect(asked('CreateTransformJob', 'slipway-empty')).toBe(2)
  })

  it('that somebody else stops is told apart', async () => {
    behave('other', 'never starts')
    behave('other', 'stopped by another', { after: 200 })
    await expect(run('other')).rejects.toMatchObject({ code: 'SAGEMAKER_JOB_STOPPED', retryable: false })
  })

  it('that is not done in time is stopped', async () => {
    behave('late', 'never starts')
    const policy = { ...wanted('late').policy, timeoutMs: 1_000 }
    await expect(run('late', { policy })).rejects.toMatchObject({ code: 'SAGEMAKER_JOB_LIMIT' })
    expect(asked('StopTransformJob', 'slipway-late')).toBe(1)
  })

  it('is stopped when it is not wanted any more, and left to the next worker when this one ends', async () => {
    for (const [what, isUnwanted] of [
      ['unwanted', true],
      ['left', false],
    ] as const) {
      behave(what, 'never starts')
      const stop = new AbortController()
      const going = run(what, { signal: stop.signal, isUnwanted: () => isUnwanted })
      setTimeout(() => stop.abort(new Error('enough')), 500)
      await expect(going).rejects.toThrow('enough')
      expect(asked('StopTransformJob', `slipway-${what}`)).toBe(isUnwanted ? 1 : 0)
    }
  })

  it('is begun once though its answer is lost, and though SageMaker throttles', async () => {
    fault({ code: 'lost', name: 'slipway-lost' })
    await expect(run('lost')).rejects.toMatchObject({ code: 'SAGEMAKER_JOB_FAILED' })
    fault({ code: 'ThrottlingException', name: 'slipway-busy', times: 3 })
    await expect(run('busy')).rejects.toMatchObject({ code: 'SAGEMAKER_JOB_FAILED' })
    expect([asked('CreateTransformJob', 'slipway-busy')]).toEqual([1])
  })
})
