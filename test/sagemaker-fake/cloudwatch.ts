import type { MetricDataQuery } from '@aws-sdk/client-cloudwatch'
import { invalid } from './errors.ts'
import { hostingIn, type Invocation } from './hosting.ts'
import type { FamilyMaker } from './world.ts'

/** What CloudWatch counted of endpoints, computed from the requests that were really answered. */
export const cloudWatch: FamilyMaker = (world) => ({
  service: 'cloudwatch',
  operations: {
    DescribeAlarms: ({ AlarmNames = [] }) => ({
      MetricAlarms: [...hostingIn(world).alarms]
        .filter(([name]) => AlarmNames.includes(name))
        .map(([AlarmName, StateValue]) => ({ AlarmName, StateValue })),
      CompositeAlarms: [],
    }),
    GetMetricData({ MetricDataQueries, StartTime, EndTime }) {
      const [from, to] = [StartTime * 1000, EndTime * 1000]
      if (to <= from) throw invalid('The parameter StartTime must be less than the parameter EndTime.')
      const { invocations } = hostingIn(world)
      return {
        MetricDataResults: (MetricDataQueries as MetricDataQuery[]).map((query) => {
          const points = pointsOf(query, invocations, from, to)
          return {
            Id: query.Id,
            Label: query.MetricStat?.Metric?.MetricName,
            Timestamps: points.map(([at]) => at / 1000),
            Values: points.map(([, value]) => value),
            StatusCode: 'Complete',
          }
        }),
        Messages: [],
      }
    },
  },
})

/** The value that each request adds to a metric. */
const values: Readonly<Record<string, (invocation: Invocation) => number>> = {
  Invocations: () => 1,
  Invocation4XXErrors: ({ status }) => (status >= 400 && status < 500 ? 1 : 0),
  Invocation5XXErrors: ({ status }) => (status >= 500 ? 1 : 0),
  ModelLatency: ({ latencyMicroseconds }) => latencyMicroseconds,
}

function pointsOf(
  { MetricStat }: MetricDataQuery,
  invocations: readonly Invocation[],
  from: number,
  to: number,
): (readonly [number, number])[] {
  const { Metric, Period = 60, Stat = '' } = MetricStat ?? {}
  if (![1, 5, 10, 20, 30].includes(Period) && Period % 60 !== 0)
    throw invalid(`Period ${Period} must be 1, 5, 10, 20, 30 or a multiple of 60.`)
  const value = values[Metric?.MetricName ?? '']
  if (value === undefined) return []
  const dimension = (name: string): string | undefined => Metric?.Dimensions?.find(({ Name }) => Name === name)?.Value
  const periods = new Map<number, number[]>()
  for (const invocation of invocations) {
    if (invocation.endpoint !== dimension('EndpointName') || invocation.variant !== dimension('VariantName')) continue
    const start = Math.floor(invocation.at / (Period * 1000)) * Period * 1000
    if (start < from || start >= to) continue
    periods.set(start, [...(periods.get(start) ?? []), value(invocation)])
  }
  return [...periods].sort(([a], [b]) => a - b).map(([at, numbers]) => [at, statistic(Stat, numbers)])
}

function statistic(stat: string, numbers: readonly number[]): number {
  if (stat === 'Sum') return numbers.reduce((sum, each) => sum + each, 0)
  if (stat === 'SampleCount') return numbers.length
  const rank = /^PR\((\d*\.?\d*):(\d*\.?\d*)\)$/.exec(stat)
  if (rank === null) throw invalid(`Statistic ${stat} is not known.`)
  const [low, high] = [
    rank[1] === '' ? -1 : Number(rank[1]),
    rank[2] === '' ? Number.POSITIVE_INFINITY : Number(rank[2]),
  ]
  return (numbers.filter((each) => each > low && each <= high).length / numbers.length) * 100
}
