import { requireRoute } from '../../client/route.ts'
import { containerPort } from '../../lib/formats/container-paths.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import type { ModelVersion, Route } from '../../lib/formats/route.ts'
import { openStoreContext } from '../context.ts'
import { type PlatformOptions, writePlatformFiles } from './platform-files.ts'
import { trafficShares } from './traffic-shares.ts'

/** `export vertex <endpoint>`: bodies of Vertex AI's requests that make an endpoint serve as the route says. */
export async function exportVertex(endpoint: string, options: PlatformOptions): Promise<number> {
  const route = await requireRoute(openStoreContext().store, endpoint)
  const files = Object.entries(vertexFiles(route, options)).map(
    ([name, value]) => [name, `${JSON.stringify(value, null, 2)}\n`] as const,
  )
  return writePlatformFiles(`vertex/${endpoint}`, new Map(files), options)
}

/**
 * Bodies of REST v1: `models.upload` and a DeployedModel of each version, and the Endpoint with its split, which is
 * what `endpoints.patch` takes with `updateMask=trafficSplit`. A deployed model's id is its version's number.
 * @throws SlipwayError USAGE for what Vertex AI cannot do
 */
export function vertexFiles(
  route: Route,
  { image, machine = 'n1-standard-2' }: PlatformOptions,
): Record<string, object> {
  const { endpoint } = route
  const { versions, percents, mirrored } = trafficShares(route, 'Vertex AI')
  if (mirrored !== undefined)
    throw new SlipwayError('USAGE', `endpoint ${endpoint} mirrors requests, which Vertex AI does not do`, {
      next: 'wait until the rollout has a step that splits, or deploy without a shadow',
    })
  const files: Record<string, object> = {}
  for (const version of versions) {
    files[`model-${version.version}.json`] = { model: modelOf(version, image) }
    files[`deployed-model-${version.version}.json`] = {
      id: String(version.version),
      displayName: nameOf(version),
      dedicatedResources: { machineSpec: { machineType: machine }, minReplicaCount: 1, maxReplicaCount: 1 },
    }
  }
  files['endpoint.json'] = {
    displayName: endpoint,
    trafficSplit: Object.fromEntries([...percents].map(([version, percent]) => [String(version), percent])),
  }
  return files
}

const nameOf = ({ model, version }: ModelVersion): string => `${model}-${version}`

function modelOf(version: ModelVersion, image: string): object {
  return {
    displayName: nameOf(version),
    versionDescription: version.digest,
    containerSpec: {
      imageUri: `${image}:${nameOf(version)}`,
      predictRoute: '/predict',
      healthRoute: '/health',
      ports: [{ containerPort }],
    },
    labels: { 'slipway-version': String(version.version) },
  }
}
