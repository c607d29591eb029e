import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
} from '@aws-sdk/client-sqs'
import { SlipwayError } from '../formats/errors.ts'
import type { SageMakerClients } from './clients.ts'
import { sageMakerError } from './faults.ts'

/** A message that nobody else gets so long as it is held. */
export interface QueueMessage {
  readonly id: string
  /** Names this delivery of it: another one has another receipt. */
  readonly receipt: string
  readonly body: string
  /** How often it was delivered, this time included: what a redrive policy counts. */
  readonly receives: number
}

/** What a listener does with a queue. */
export interface Queue {
  /**
   * Takes messages, and holds them.
   * @param waitSeconds how long to wait for the first
   * @returns none where none came, or where the signal ended it
   */
  receive(most: number, waitSeconds: number, signal: AbortSignal): Promise<readonly QueueMessage[]>
  /** Holds a message for so long from now; 0 gives it back. */
  hold(message: QueueMessage, seconds: number): Promise<void>
  remove(message: QueueMessage): Promise<void>
}

/** SQS delivers ten at once at most. */
const mostAtOnce = 10

/**
 * A queue of SQS.
 * @param holdSeconds how long a message is held at first
 * @throws SlipwayError of every call, those of `sageMakerError`
 */
export function sqsQueue({ sqs }: Pick<SageMakerClients, 'sqs'>, address: string, holdSeconds: number): Queue {
  const sent = async <Answer>(call: Promise<Answer>, doing: string): Promise<Answer> => {
    try {
      return await call
    } catch (error) {
      throw queueError(error, `${doing} the queue ${address}`)
    }
  }
  return {
    async receive(most, waitSeconds, signal) {
      const call = sqs.send(
        new ReceiveMessageCommand({
          QueueUrl: address,
          MaxNumberOfMessages: Math.min(mostAtOnce, most),
          WaitTimeSeconds: waitSeconds,
          VisibilityTimeout: holdSeconds,
          MessageSystemAttributeNames: ['ApproximateReceiveCount'],
        }),
        { abortSignal: signal },
      )
      try {
        const { Messages: messages = [] } = await sent(call, 'to read')
        return messages.map(messageOf)
      } catch (error) {
        if (signal.aborted) return []
        throw error
      }
    },
    async hold({ receipt }, seconds) {
      const request = { QueueUrl: address, ReceiptHandle: receipt, VisibilityTimeout: seconds }
      await sent(sqs.send(new ChangeMessageVisibilityCommand(request)), 'to hold a message of')
    },
    async remove({ receipt }) {
      const request = { QueueUrl: address, ReceiptHandle: receipt }
      await sent(sqs.send(new DeleteMessageCommand(request)), 'to remove a message from')
    },
  }
}

const messageOf = ({ MessageId, ReceiptHandle, Body, Attributes }: Message): QueueMessage => ({
  id: MessageId ?? '',
  receipt: ReceiptHandle ?? '',
  body: Body ?? '',
  receives: Number(Attributes?.ApproximateReceiveCount ?? 1),
})

/** The codes of SageMaker's errors, with SQS in their words. */
function queueError(error: unknown, doing: string): SlipwayError {
  const { code, message, facts } = sageMakerError(error, doing)
  const next: Partial<Record<typeof code, string>> = {
    SAGEMAKER_DENIED: 'check the AWS credentials of whoever listens, and what they may do (docs/sagemaker.md)',
    SAGEMAKER_REFUSED: facts.next === 'set AWS_REGION' ? facts.next : 'check --queue: the address, region and account',
    SAGEMAKER_UNREACHABLE: 'check --queue, AWS_REGION, AWS_ENDPOINT_URL_SQS and the network',
  }
  const words = message.replace(/^SageMaker/, 'SQS')
  return new SlipwayError(code, words, { ...facts, next: next[code] ?? (facts.next as string) }, { cause: error })
}
