import { describe, expect, it } from 'vitest'
import { awaitStatus } from '../../lib/sagemaker/await.ts'
import { differencesIn, ensure, look } from '../../lib/sagemaker/ensure.ts'
import { sageMakerError } from '../../lib/sagemaker/faults.ts'

const aws = (name: string, message: string, httpStatusCode: number | undefined) =>
  Object.assign(new Error(message), { name, $metadata: { httpStatusCode } })
const taken = aws('ResourceInUse', 'Job name must be unique within an AWS account and region', 400)

describe('what is made under a name', () => {
  const request = { RoleArn: 'r', ResourceConfig: { InstanceType: 'ml.m5.large', InstanceCount: 1 }, List: [{ a: 1 }] }
  const there = { ...request, ResourceConfig: { ...request.ResourceConfig, VolumeSizeInGB: 30 }, Status: 'InProgress' }
  const wanted = (create: () => Promise<unknown>, describe: () => Promise<unknown> = async () => there) => ({
    what: 'training job x',
    create,
    describe,
    request,
  })

  it('is made, and is found where it was made before', async () => {
    expect(await ensure(wanted(async () => {}))).toEqual({ made: true, there })
    expect(await ensure(wanted(() => Promise.reject(taken)))).toEqual({ made: false, there })
  })

  it('is looked for again where reads do not see it yet', async () => {
    let reads = 0
    const describe = async () => {
      if (reads++ < 2) throw aws('ValidationException', 'Requested resource not found.', 400)
      return there
    }
    expect(await ensure(wanted(async () => {}, describe))).toEqual({ made: true, there })
    expect(reads).toBe(3)
  })

  it('is refused where something else has the name, which says what differs', async () => {
    const other = { ...there, RoleArn: 'other', ResourceConfig: { ...there.ResourceConfig, InstanceCount: 2 } }
    await expect(
      ensure(
        wanted(
          () => Promise.reject(taken),
          async () => other,
        ),
      ),
    ).rejects.toMatchObject({
      code: 'SAGEMAKER_NAME_TAKEN',
      message: expect.stringContaining('RoleArn is "other", not "r"; ResourceConfig.InstanceCount is 2, not 1'),
    })
  })

  it('is not there where SageMaker says so, in either of its ways', async () => {
    for (const error of [
      aws('ValidationException', 'Could not find endpoint "arn:aws:sagemaker:us-east-1:1:endpoint/x".', 400),
      aws('ResourceNotFound', '', 400),
    ])
      expect(await look({ what: 'x', describe: () => Promise.reject(error) })).toBeUndefined()
  })

  it('differs by what it lacks, and not by what it has besides', () => {
    expect(differencesIn({ a: 1, b: undefined }, { a: 1, c: 2 })).toEqual([])
    expect(differencesIn({ a: { b: [1, 2] } }, { a: { b: [1] } })).toEqual(['a.b is [1], not [1,2]'])
    expect(differencesIn({ a: 'x' }, {})).toEqual(['a is not set, not "x"'])
    // An empty list says as much as none.
    expect(differencesIn({ a: [] }, {})).toEqual([])
    expect(differencesIn({ a: [] }, { a: [1] })).toEqual(['a is [1], not []'])
  })
})

describe('errors of AWS', () => {
  it.each([
    ['ThrottlingException', 'Rate exceeded', 400, 'SAGEMAKER_THROTTLED'],
    ['AccessDeniedException', 'not authorized to perform iam:PassRole', 400, 'SAGEMAKER_DENIED'],
    ['CredentialsProviderError', 'Could not load credentials from any providers', undefined, 'SAGEMAKER_DENIED'],
    ['ResourceLimitExceeded', 'The account-level service limit', 400, 'SAGEMAKER_QUOTA'],
    ['ValidationException', '1 validation error detected', 400, 'SAGEMAKER_REFUSED'],
    ['Error', 'Region is missing', undefined, 'SAGEMAKER_REFUSED'],
    ['InternalFailure', '', 500, 'SAGEMAKER_UNREACHABLE'],
    ['TimeoutError', 'socket hang up', undefined, 'SAGEMAKER_UNREACHABLE'],
  ])('%s (%s) is %s %s, and says what to do', (name, message, status, code) => {
    const error = sageMakerError(aws(name, message, status), 'to begin the job')
    expect(error.code).toBe(code)
    expect(error.facts.next).toMatch(/./)
    expect(error.message).toContain('to begin the job')
  })
})

describe('waiting', () => {
  const going = new AbortController()
  const pauses = { first: 1, most: 5 }

  it('outlasts throttling, for what is waited for goes on without us', async () => {
    let looks = 0
    const there = await awaitStatus({
      look: async () => {
        if (++looks < 4) throw sageMakerError(aws('ThrottlingException', 'Rate exceeded', 400), 'to look')
        return looks
      },
      isOver: (status) => status === 6,
      signal: going.signal,
      pauses,
    })
    expect(there).toBe(6)
  })

  it('ends by its time, and by its signal', async () => {
    const endless = { look: async () => 'InProgress', isOver: () => false, pauses }
    expect(await awaitStatus({ ...endless, signal: going.signal, until: Date.now() + 30 })).toBeUndefined()
    const cancelled = new AbortController()
    setTimeout(() => cancelled.abort(new Error('cancelled')), 20)
    await expect(awaitStatus({ ...endless, signal: cancelled.signal })).rejects.toThrow('cancelled')
  })
})
