import { stringify } from 'yaml'
import { requireRoute } from '../../client/route.ts'
import { type Duration, durationMs } from '../../lib/definition/duration.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { openStoreContext } from '../context.ts'
import { type JsonOption, writeTo } from '../options.ts'
import { print, printJson } from '../output.ts'

export interface AnalysisOptions extends JsonOption {
  /** Address of the gateways, as the cluster reaches them. */
  readonly gateway: string
  /** 30s by default. */
  readonly interval?: string
  /** How long an undecided rollout is waited for; 24h by default. */
  readonly within?: string
  /** A secret whose key `token` is a token of the gateways'. */
  readonly secret?: string
  readonly output?: string
}

/** `export argo-analysis <endpoint>`: an AnalysisTemplate of Argo Rollouts whose web metric asks for our verdict. */
export async function exportArgoAnalysis(endpoint: string, options: AnalysisOptions): Promise<number> {
  await requireRoute(openStoreContext().store, endpoint)
  give(stringify(argoAnalysis(endpoint, options)), options)
  return 0
}

/** Prints a file, or writes it where that is asked for. */
export function give(text: string, { output, json }: JsonOption & { readonly output?: string }): void {
  if (output !== undefined) writeTo('--output', output, text)
  if (json === true) printJson(output === undefined ? { text } : { output })
  else if (output === undefined) print(text.trimEnd())
}

/** An AnalysisTemplate (argoproj.io/v1alpha1). */
export function argoAnalysis(endpoint: string, options: AnalysisOptions): object {
  const { gateway, interval = '30s', within = '24h', secret } = options
  const waits = Math.ceil(durationMs(within as Duration) / durationMs(interval as Duration))
  if (waits < 1 || durationMs(interval as Duration) < 1_000)
    throw new SlipwayError('USAGE', `--interval ${interval} is less than a second, or nothing`, { next: 'give 30s' })
  return {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'AnalysisTemplate',
    metadata: { name: `slipway-${endpoint}`, labels: { 'app.kubernetes.io/managed-by': 'slipway' } },
    spec: {
      args: [
        // Nothing stands for the rollout that goes on, or the one that ended last.
        { name: 'version', value: '' },
        ...(secret === undefined
          ? []
          : [{ name: 'token', valueFrom: { secretKeyRef: { name: secret, key: 'token' } } }]),
      ],
      metrics: [
        {
          name: 'slipway-verdict',
          interval,
          // Passed once is passed, failed once failed; neither is inconclusive, and waited for.
          consecutiveSuccessLimit: 1,
          failureLimit: 0,
          inconclusiveLimit: waits,
          consecutiveErrorLimit: 10,
          successCondition: 'result.verdict == "passed"',
          failureCondition: 'result.verdict == "failed"',
          provider: {
            web: {
              url: `${gateway.replace(/\/$/, '')}/v1/verdict/${endpoint}/{{args.version}}`,
              jsonPath: '{$}',
              timeoutSeconds: 10,
              ...(secret !== undefined && {
                headers: [{ key: 'Authorization', value: 'Bearer {{args.token}}' }],
              }),
            },
          },
        },
      ],
    },
  }
}
