import { setTimeout as sleep } from 'node:timers/promises'
import { DescribeLogStreamsCommand, GetLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs'
import type { SageMakerClients } from './clients.ts'
import { isNotFound, isPassing, sageMakerError } from './faults.ts'

export interface JobLine {
  readonly stream: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly text: string
}

/** Pages that one look reads of a stream at most: the next look goes on. */
const pagesAtOnce = 20
/**
 * What a job said last comes to CloudWatch a while after its end: looks in vain before that is believed, ms between.
 */
const lastLooks = 3
const lastPause = 700

/** Reads the log of a job as it grows. */
export interface JobLog {
  /** Hands on what is new. Logs that may not be read are said once, and are no error. */
  read(): Promise<void>
  /** The same until nothing more comes. */
  readToEnd(): Promise<void>
}

/**
 * @param group for instance `/aws/sagemaker/TrainingJobs`
 * @param job streams are called `<job>/<host>…`
 * @param onRefused why the log cannot be read
 */
export function jobLog(
  { logs }: Pick<SageMakerClients, 'logs'>,
  { group, job }: { readonly group: string; readonly job: string },
  onLine: (line: JobLine) => void,
  onRefused: (why: string) => void,
): JobLog {
  const tokens = new Map<string, string | undefined>()
  let isRefused = false
  const readStream = async (stream: string): Promise<number> => {
    let count = 0
    for (let page = 0; page < pagesAtOnce; page++) {
      const token = tokens.get(stream)
      const { events = [], nextForwardToken } = await logs.send(
        new GetLogEventsCommand({
          logGroupName: group,
          logStreamName: stream,
          startFromHead: true,
          ...(token !== undefined && { nextToken: token }),
        }),
      )
      for (const { timestamp = 0, message = '' } of events)
        onLine({ stream: stream.slice(job.length + 1), at: timestamp, text: message })
      count += events.length
      tokens.set(stream, nextForwardToken)
      // The same token says that there is nothing more for now.
      if (nextForwardToken === token || nextForwardToken === undefined) break
    }
    return count
  }
  const readNew = async (): Promise<number> => {
    if (isRefused) return 0
    try {
      const { logStreams = [] } = await logs.send(
        new DescribeLogStreamsCommand({ logGroupName: group, logStreamNamePrefix: `${job}/` }),
      )
      let count = 0
      for (const { logStreamName } of logStreams)
        if (logStreamName !== undefined) count += await readStream(logStreamName)
      return count
    } catch (error) {
      if (isNotFound(error) || isPassing(error)) return 0
      isRefused = true
      onRefused(sageMakerError(error, 'to read the log').message)
      return 0
    }
  }
  return {
    read: async () => void (await readNew()),
    async readToEnd() {
      for (let inVain = 0; inVain < lastLooks && !isRefused; ) {
        inVain = (await readNew()) === 0 ? inVain + 1 : 0
        if (inVain < lastLooks) await sleep(lastPause)
      }
    },
  }
}
