import { AwsError } from './errors.ts'
import type { LogEvent } from './log-book.ts'
import type { FamilyMaker } from './world.ts'

const eventsAtOnce = 100

/** CloudWatch Logs: streams of a group, and what is in one, page by page. */
export const logs: FamilyMaker = ({ logs, region, account }) => ({
  service: 'logs',
  operations: {
    DescribeLogStreams({ logGroupName, logStreamNamePrefix = '' }) {
      const streams = logs.streams(logGroupName)
      if (streams === undefined)
        throw new AwsError('ResourceNotFoundException', 'The specified log group does not exist.')
      return {
        logStreams: [...streams.keys()]
          .filter((name) => name.startsWith(logStreamNamePrefix))
          .sort()
          .map((name) => ({
            logStreamName: name,
            arn: `arn:aws:logs:${region}:${account}:log-group:${logGroupName}:log-stream:${name}`,
          })),
      }
    },
    GetLogEvents({ logGroupName, logStreamName, nextToken, startFromHead = false, limit = eventsAtOnce }) {
      const events = logs.streams(logGroupName)?.get(logStreamName)
      if (events === undefined)
        throw new AwsError('ResourceNotFoundException', 'The specified log stream does not exist.')
      // A forward token names the first event that was not read; at the end it comes back as it was.
      const first =
        nextToken === undefined ? (startFromHead ? 0 : Math.max(0, events.length - limit)) : placeOf(nextToken)
      const page = events.slice(first, first + limit)
      return {
        events: page.map(({ timestamp, message }: LogEvent) => ({ timestamp, message, ingestionTime: timestamp })),
        nextForwardToken: `f/${first + page.length}`,
        nextBackwardToken: `b/${first}`,
      }
    },
  },
})

const placeOf = (token: string): number => Number(token.slice(2))
