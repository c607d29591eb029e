import { SendMessageCommand } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { SlipwayError } from '../../lib/formats/errors.ts'
import type { AskedRun } from '../../lib/sagemaker/callback-message.ts'
import { type Ending, type Listening, listen } from '../../lib/sagemaker/listen.ts'
import { sqsQueue } from '../../lib/sagemaker/queue.ts'
import { openSageMaker, type SageMakerPlace } from '../support/sagemaker.ts'

const away = new SlipwayError('TEMPORAL_UNREACHABLE', 'Temporal does not answer')
const answered = ({ token }: AskedRun) => ({ runId: `run-${token}`, exitCode: 0, words: 'done' })

describe('a listener of callback messages', () => {
  let place: SageMakerPlace
  let queue: string
  let count = 0
  beforeAll(async () => {
    place = await openSageMaker()
  })
  afterAll(() => place.stop())
  beforeEach(() => {
    queue = `https://sqs.us-east-1.amazonaws.com/123456789012/queue-${++count}`
  })

  const bodyOf = (token: string, status = 'Executing'): string =>
    JSON.stringify({ token, pipelineExecutionArn: 'arn', status, arguments: { pipeline: 'loans' } })
  const send = (body: string) => place.clients.sqs.send(new SendMessageCommand({ QueueUrl: queue, MessageBody: body }))
  const requestsOf = (operation: string): Record<string, unknown>[] =>
    place.fake.world.requests
      .filter((each) => each.operation === operation && JSON.stringify(each.request).includes(`"${queue}"`))
      .map(({ request }) => request as Record<string, unknown>)
  const run = async (given: Partial<Listening>): Promise<Ending[]> => {
    const endings: Ending[] = []
    await listen({
      queue: sqsQueue(place.clients, queue, given.holdSeconds ?? 60),
      carryOut: async (asked) => answered(asked),
      onEnding: (ending) => void endings.push(ending),
      say: () => {},
      atOnce: 10,
      holdSeconds: 60,
      untilEmpty: true,
      stop: new AbortController().signal,
      ...given,
    })
    return endings
  }

  it('removes a message when its callback was answered', async () => {
    await send(bodyOf('a'.repeat(10)))
    expect(await run({})).toMatchObject([{ outcome: 'answered', exitCode: 0, runId: 'run-aaaaaaaaaa' }])
    expect(requestsOf('DeleteMessage')).toHaveLength(1)
    expect(await run({})).toEqual([])
  })

  it('leaves what is no message of ours to the redrive policy, and carries out what is behind it', async () => {
    await send('{"token": 1}')
    await send(bodyOf('b'.repeat(10)))
    const endings = await run({})
    expect(endings).toMatchObject([
      { outcome: 'left', exitCode: 2, words: expect.stringContaining('no message of a callback step') },
      { outcome: 'answered' },
    ])
    expect(requestsOf('DeleteMessage')).toHaveLength(1)
    expect(requestsOf('ChangeMessageVisibility')).toEqual([])
  })

  it('leaves a message where a server is away, for longer each time', async () => {
    await send(bodyOf('c'.repeat(10)))
    const endings = await run({ carryOut: () => Promise.reject(away) })
    expect(endings).toMatchObject([{ outcome: 'left', exitCode: 20, words: expect.stringContaining('for 30 s') }])
    expect(requestsOf('DeleteMessage')).toEqual([])
    expect(requestsOf('ChangeMessageVisibility')).toMatchObject([{ VisibilityTimeout: 30 }])
  })

  it('holds a message while its run goes on, and hears of a stop meanwhile', async () => {
    await send(bodyOf('d'.repeat(10)))
    let isStopped: () => void = () => {}
    const stopped = new Promise<void>((resolve) => {
      isStopped = resolve
    })
    const later = setTimeout(() => void send(bodyOf('d'.repeat(10), 'Stopping')), 4_000)
    const order: string[] = []
    const stop = new AbortController()
    await run({
      holdSeconds: 3,
      untilEmpty: false,
      stop: stop.signal,
      async carryOut(asked) {
        if (asked.isStopping) isStopped()
        else await stopped
        order.push(asked.isStopping ? 'stop' : 'run')
        if (order.length === 2) setTimeout(() => stop.abort(), 200)
        return answered(asked)
      },
    })
    clearTimeout(later)
    expect(order.sort()).toEqual(['run', 'stop'])
    // Held three seconds, for more than four: another one would have got it otherwise.
    expect(requestsOf('ChangeMessageVisibility').length).toBeGreaterThanOrEqual(3)
    expect(requestsOf('DeleteMessage')).toHaveLength(2)
  })

  it('that is told to stop gives back what it holds', async () => {
    await send(bodyOf('e'.repeat(10)))
    const stop = new AbortController()
    const endings = await run({
      untilEmpty: false,
      // With room for another it would ask for one, and what is given back might go to that request, which nobody
      // reads.
      atOnce: 1,
      stop: stop.signal,
      carryOut: () =>
        new Promise((_, reject) => {
          stop.signal.addEventListener('abort', () => reject(new SlipwayError('INTERRUPTED', 'run x goes on')))
          setTimeout(() => stop.abort(), 100)
        }),
    })
    expect(endings).toMatchObject([{ outcome: 'left', words: 'left to the queue: run x goes on' }])
    expect(requestsOf('ChangeMessageVisibility')).toMatchObject([{ VisibilityTimeout: 0 }])
    expect(await run({})).toMatchObject([{ outcome: 'answered' }])
  })

  it('carries a message out once that is delivered twice at the same time', async () => {
    await send(bodyOf('f'.repeat(10)))
    await send(bodyOf('f'.repeat(10)))
    let runs = 0
    await run({
      carryOut: async (asked) => {
        runs++
        await new Promise((resolve) => setTimeout(resolve, 300))
        return answered(asked)
      },
    })
    expect(runs).toBe(1)
    // The other delivery is there again when its time is over, and is answered from the record.
    expect(requestsOf('DeleteMessage')).toHaveLength(1)
  })

  it('says what is wrong with a queue', async () => {
    queue = 'https://sqs.us-east-1.amazonaws.com/123456789012/absent'
    await expect(run({ untilEmpty: false })).rejects.toMatchObject({
      code: 'SAGEMAKER_REFUSED',
      message: expect.stringMatching(/^SQS does not take this: to read the queue .*\(QueueDoesNotExist/),
      facts: { next: expect.stringContaining('--queue') },
    })
    queue = 'https://sqs.us-east-1.amazonaws.com/123456789012/denied'
    place.fake.world.script.addFault({ operation: 'ReceiveMessage', code: 'AccessDeniedException', status: 403 })
    await expect(run({ untilEmpty: false })).rejects.toMatchObject({ code: 'SAGEMAKER_DENIED' })
  })
})
