import { stringify } from 'yaml'
import { requireRoute } from '../../client/route.ts'
import { openStoreContext } from '../context.ts'
import type { JsonOption } from '../options.ts'
import { give } from './argo-analysis.ts'

export interface FlaggerOptions extends JsonOption {
  readonly gateway: string
  /** 30s by default. */
  readonly interval?: string
  /** The Deployment that Flagger rolls out. */
  readonly deployment: string
  /** 80 by default. */
  readonly port?: string
  /** A candidate's number; by default the rollout that goes on, or the one that ended last. */
  readonly version?: string
  /** Address of a Prometheus that scrapes the gateways. */
  readonly prometheus?: string
  readonly output?: string
}

/** `export flagger <endpoint>`: a Canary of Flagger whose webhooks ask for our verdict. */
export async function exportFlagger(endpoint: string, options: FlaggerOptions): Promise<number> {
  await requireRoute(openStoreContext().store, endpoint)
  const documents = flaggerCanary(endpoint, options)
  give(documents.map((document) => stringify(document)).join('---\n'), options)
  return 0
}

/** A Canary (flagger.app/v1beta1), and where Prometheus is named a MetricTemplate in front of it. */
export function flaggerCanary(endpoint: string, options: FlaggerOptions): object[] {
  const { gateway, interval = '30s', deployment, port = '80', version, prometheus } = options
  const about = `${gateway.replace(/\/$/, '')}/v1/verdict/${endpoint}${version === undefined ? '' : `/${version}`}`
  const labels = { 'app.kubernetes.io/managed-by': 'slipway' }
  const errors = `slipway-${endpoint}-errors`
  const canary = {
    apiVersion: 'flagger.app/v1beta1',
    kind: 'Canary',
    metadata: { name: deployment, labels },
    spec: {
      targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: deployment },
      service: { port: Number(port) },
      analysis: {
        interval,
        // A webhook that is no hook of these kinds would count what is undecided as a failure.
        threshold: 1,
        stepWeights: [5, 25, 50],
        ...(prometheus !== undefined && {
          metrics: [{ name: 'slipway-errors', templateRef: { name: errors }, thresholdRange: { max: 5 }, interval }],
        }),
        webhooks: [
          { name: 'slipway-failed', type: 'rollback', url: `${about}/failed`, timeout: '10s' },
          { name: 'slipway-passed', type: 'confirm-promotion', url: `${about}/passed`, timeout: '10s' },
        ],
      },
    },
  }
  if (prometheus === undefined) return [canary]
  const template = {
    apiVersion: 'flagger.app/v1beta1',
    kind: 'MetricTemplate',
    metadata: { name: errors, labels },
    spec: { provider: { type: 'prometheus', address: prometheus }, query: failuresQuery(endpoint) },
  }
  return [template, canary]
}

/** Percent of the candidate's requests that the champion had to answer; 0 where it was asked nothing. */
const failuresQuery = (endpoint: string): string =>
  [
    `100 * sum(rate(http_requests_total{endpoint="${endpoint}",role="fallback"}[{{ interval }}]))`,
    `/ (sum(rate(http_requests_total{endpoint="${endpoint}",role=~"candidate|fallback"}[{{ interval }}])) > 0)`,
    'or on() vector(0)',
  ].join('\n')
