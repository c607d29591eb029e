import { GetMetricDataCommand, type MetricDataQuery } from '@aws-sdk/client-cloudwatch'
import { latencyBounds } from '../../formats/telemetry.ts'
import type { SageMakerClients } from '../../sagemaker/clients.ts'
import { sageMakerError } from '../../sagemaker/faults.ts'
import type { Periods, VariantCounts } from './served-periods.ts'

/** What is asked of CloudWatch about an endpoint. */
export interface MetricsOrder {
  /** SageMaker's name of it. */
  readonly endpoint: string
  readonly variants: readonly string[]
  /** Bounds of slow answers, ms. */
  readonly bounds: readonly number[]
  /** Milliseconds since 1970, whole periods. */
  readonly from: number
  readonly to: number
  readonly periodMs: number
}

/** The query of one number of a variant. */
interface Asked {
  readonly variant: string
  readonly what: 'invocations' | 'refused' | 'failed' | 'timed' | { readonly withinMs: number }
  readonly metric: string
  readonly stat: string
}

/** CloudWatch counts the latency of a model in microseconds. */
const rank = (ms: number): string => `PR(:${Math.round(ms * 1e3)})`

function askedOf({ variants, bounds }: MetricsOrder): Asked[] {
  const all = [...new Set([...latencyBounds.map((bound) => bound * 1000), ...bounds])]
  return variants.flatMap((variant): Asked[] => [
    { variant, what: 'invocations', metric: 'Invocations', stat: 'Sum' },
    { variant, what: 'refused', metric: 'Invocation4XXErrors', stat: 'Sum' },
    { variant, what: 'failed', metric: 'Invocation5XXErrors', stat: 'Sum' },
    { variant, what: 'timed', metric: 'ModelLatency', stat: 'SampleCount' },
    ...all.map((withinMs): Asked => ({ variant, what: { withinMs }, metric: 'ModelLatency', stat: rank(withinMs) })),
  ])
}

/**
 * What CloudWatch counted of an endpoint's variants in whole periods.
 * @throws SlipwayError SAGEMAKER_THROTTLED, SAGEMAKER_DENIED and the others of `sageMakerError`
 */
export async function readMetrics(
  { cloudWatch }: Pick<SageMakerClients, 'cloudWatch'>,
  order: MetricsOrder,
): Promise<Periods> {
  const { endpoint, from, to, periodMs } = order
  const asked = askedOf(order)
  const MetricDataQueries = asked.map(
    ({ variant, metric, stat }, i): MetricDataQuery => ({
      Id: `m${i}`,
      MetricStat: {
        Metric: {
          Namespace: 'AWS/SageMaker',
          MetricName: metric,
          Dimensions: [
            { Name: 'EndpointName', Value: endpoint },
            { Name: 'VariantName', Value: variant },
          ],
        },
        Period: periodMs / 1000,
        Stat: stat,
      },
    }),
  )
  const points = new Map<number, Map<string, Numbers>>()
  let NextToken: string | undefined
  do {
    const command = new GetMetricDataCommand({
      MetricDataQueries,
      StartTime: new Date(from),
      EndTime: new Date(to),
      ScanBy: 'TimestampAscending',
      NextToken,
    })
    const page = await cloudWatch.send(command).catch((error) => {
      throw sageMakerError(error, `to read what CloudWatch counted of endpoint ${endpoint}`)
    })
    for (const { Id, Timestamps = [], Values = [] } of page.MetricDataResults ?? []) {
      const { variant, what } = asked[Number(Id?.slice(1))] as Asked
      for (const [i, timestamp] of Timestamps.entries()) {
        const at = timestamp.getTime()
        const variants = points.get(at) ?? new Map<string, Numbers>()
        points.set(at, variants)
        const numbers = variants.get(variant) ?? { counts: {}, within: new Map<number, number>() }
        variants.set(variant, numbers)
        const value = Values[i] ?? 0
        if (typeof what === 'object') numbers.within.set(what.withinMs, value)
        else numbers.counts[what] = Math.round(value)
      }
    }
    NextToken = page.NextToken
  } while (NextToken !== undefined)
  return new Map(
    [...points].map(([at, variants]) => [at, new Map([...variants].map(([name, n]) => [name, counts(n)]))]),
  )
}

/** The numbers of a variant in a period. */
interface Numbers {
  readonly counts: Partial<Record<Exclude<Asked['what'], object>, number>>
  readonly within: Map<number, number>
}

const counts = ({
  counts: { invocations = 0, refused = 0, failed = 0, timed = 0 },
  within,
}: Numbers): VariantCounts => ({
  invocations,
  refused,
  failed,
  timed,
  within,
})
