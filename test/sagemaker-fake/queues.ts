import { createHash, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { AwsError } from './errors.ts'
import { messagesOf } from './pipelines.ts'
import type { FamilyMaker } from './world.ts'

/** A message in a queue. */
interface Kept {
  readonly id: string
  readonly body: string
  /** Who received it last holds it so long, ms since 1970. */
  hiddenUntil: number
  receipt: string
  receives: number
}

/** Unless a request says otherwise, seconds. */
const usualVisibility = 30
/** Between two looks of a long poll, ms. */
const lookEvery = 50

/**
 * SQS's queues, made when something is sent or asked for: what callback steps send is in them. A message that was
 * received is hidden for its visibility time-out, and there again after it, unless it was deleted.
 */
export const queues: FamilyMaker = (world) => {
  const made = new Map<string, Kept[]>()
  const sent = messagesOf(world)
  let taken = 0
  let isStopping = false
  const queueOf = (url: string): Kept[] => {
    if (!/^https?:\/\/\S+\/\d{12}\/[\w.-]+$/.test(url)) throw new AwsError('InvalidAddress', `${url} is no queue.`)
    if (url.endsWith('/absent'))
      throw new AwsError('com.amazonaws.sqs#QueueDoesNotExist', 'The specified queue does not exist.')
    const known = made.get(url) ?? []
    made.set(url, known)
    return known
  }
  const put = (url: string, body: string): Kept => {
    const message = { id: randomUUID(), body, hiddenUntil: 0, receipt: '', receives: 0 }
    queueOf(url).push(message)
    return message
  }
  const takeSent = (): void => {
    for (const { queue, body } of sent.slice(taken)) put(queue, body)
    taken = sent.length
  }
  const heldBy = (url: string, receipt: string): Kept => {
    const found = queueOf(url).find((each) => each.receipt === receipt)
    if (found === undefined)
      throw new AwsError('com.amazonaws.sqs#ReceiptHandleIsInvalid', 'The input receipt handle is invalid.')
    return found
  }
  return {
    service: 'sqs',
    operations: {
      SendMessage({ QueueUrl: url, MessageBody: body }) {
        const { id } = put(url, body)
        return { MessageId: id, MD5OfMessageBody: md5(body) }
      },
      async ReceiveMessage({
        QueueUrl: url,
        MaxNumberOfMessages: most = 1,
        WaitTimeSeconds: wait = 0,
        VisibilityTimeout: hold = usualVisibility,
      }) {
        if (most < 1 || most > 10 || wait < 0 || wait > 20 || hold < 0 || hold > 43_200)
          throw new AwsError('InvalidParameterValue', 'Value for a parameter is invalid.')
        const until = Date.now() + wait * 1_000
        for (;;) {
          takeSent()
          const found = queueOf(url)
            .filter(({ hiddenUntil }) => hiddenUntil <= Date.now())
            .slice(0, most)
          if (found.length > 0 || Date.now() >= until || isStopping) {
            for (const each of found) {
              each.hiddenUntil = Date.now() + hold * 1_000
              each.receipt = randomUUID()
              each.receives++
            }
            return found.length === 0 ? {} : { Messages: found.map(shown) }
          }
          await sleep(lookEvery)
        }
      },
      ChangeMessageVisibility({ QueueUrl: url, ReceiptHandle: receipt, VisibilityTimeout: hold }) {
        const message = heldBy(url, receipt)
        if (message.hiddenUntil <= Date.now()) throw new AwsError('com.amazonaws.sqs#MessageNotInflight', '')
        message.hiddenUntil = Date.now() + hold * 1_000
        return {}
      },
      DeleteMessage({ QueueUrl: url, ReceiptHandle: receipt }) {
        const message = queueOf(url).find((each) => each.receipt === receipt)
        if (message !== undefined)
          made.set(
            url,
            queueOf(url).filter((each) => each !== message),
          )
        return {}
      },
      GetQueueAttributes({ QueueUrl: url }) {
        takeSent()
        const hidden = queueOf(url).filter(({ hiddenUntil }) => hiddenUntil > Date.now()).length
        return {
          Attributes: {
            ApproximateNumberOfMessages: String(queueOf(url).length - hidden),
            ApproximateNumberOfMessagesNotVisible: String(hidden),
          },
        }
      },
    },
    async stop() {
      isStopping = true
    },
  }
}

const md5 = (text: string): string => createHash('md5').update(text).digest('hex')
const shown = ({ id, body, receipt, receives }: Kept) => ({
  MessageId: id,
  ReceiptHandle: receipt,
  Body: body,
  MD5OfBody: md5(body),
  Attributes: { ApproximateReceiveCount: String(receives) },
})
