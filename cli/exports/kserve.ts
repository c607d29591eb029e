import { stringify } from 'yaml'
import { requireRoute } from '../../client/route.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import type { ModelVersion, Route, RouteRollout } from '../../lib/formats/route.ts'
import { openStoreContext } from '../context.ts'
import type { JsonOption } from '../options.ts'
import { give } from './argo-analysis.ts'

export interface KserveOptions extends JsonOption {
  /** An image that serves a model from a folder, or has it inside: `slipway package --oci`. */
  readonly image: string
  /** Where the model lies, as KServe's storage initializer reads it: the folder of `slipway package --folder`. */
  readonly storage?: string
  readonly namespace?: string
  readonly output?: string
}

/** Where KServe puts what it fetches. */
const modelFolder = '/mnt/models'
const port = 8080

/** `export kserve <endpoint>`: an InferenceService of the version that its route names, with the route's share. */
export async function exportKserve(endpoint: string, options: KserveOptions): Promise<number> {
  give(stringify(inferenceService(endpoint, await requireRoute(openStoreContext().store, endpoint), options)), options)
  return 0
}

/**
 * An InferenceService (serving.kserve.io/v1beta1). In a rollout it is of the candidate, which KServe gives its share of
 * requests; the rest goes to the revision that was rolled out before.
 * @throws SlipwayError USAGE for a rollout that KServe cannot carry out
 */
export function inferenceService(
  endpoint: string,
  { champion, rollout }: Pick<Route, 'champion' | 'rollout'>,
  { image, storage, namespace }: KserveOptions,
): object {
  const version: ModelVersion = rollout === null ? champion : rollout.candidate
  const env =
    storage === undefined
      ? []
      : [
          { name: 'STORAGE_URI', value: storage },
          { name: 'SM_MODEL_DIR', value: modelFolder },
        ]
  return {
    apiVersion: 'serving.kserve.io/v1beta1',
    kind: 'InferenceService',
    metadata: {
      name: endpoint,
      ...(namespace !== undefined && { namespace }),
      labels: { 'app.kubernetes.io/managed-by': 'slipway' },
      annotations: {
        'slipway/model': version.model,
        'slipway/version': String(version.version),
        'slipway/digest': version.digest,
      },
    },
    spec: {
      predictor: {
        ...(rollout !== null && { canaryTrafficPercent: percentOf(endpoint, rollout) }),
        containers: [
          {
            name: 'kserve-container',
            image,
            args: ['serve'],
            ...(env.length > 0 && { env }),
            ports: [{ containerPort: port, protocol: 'TCP' }],
            readinessProbe: { httpGet: { path: '/v2/health/ready', port } },
          },
        ],
      },
    },
  }
}

function percentOf(endpoint: string, { mode, share, sticky }: RouteRollout): number {
  const refuse = (what: string, next: string): SlipwayError =>
    new SlipwayError('USAGE', `the rollout of ${endpoint} ${what}`, { next })
  if (mode !== 'split')
    throw refuse(`is a ${mode}, and KServe only splits traffic`, 'let gateways carry it out, or wait for its end')
  if (sticky !== null)
    throw refuse(`keeps users by ${sticky}, and KServe draws for every request`, 'roll out without sticky')
  const percent = Math.round(share * 1_000_000) / 10_000
  if (Number.isInteger(percent)) return percent
  throw refuse(`is at ${percent} %, and KServe takes whole percents`, 'wait for its next step, or use whole percents')
}
