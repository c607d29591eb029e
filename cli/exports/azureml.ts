import { stringify } from 'yaml'
import { requireRoute } from '../../client/route.ts'
import { azureRoutes, containerPort } from '../../lib/formats/container-paths.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import type { Route } from '../../lib/formats/route.ts'
import { openStoreContext } from '../context.ts'
import { type PlatformOptions, writePlatformFiles } from './platform-files.ts'
import { trafficShares } from './traffic-shares.ts'

const schemas = 'https://azuremlschemas.azureedge.net/latest'
/** Azure ML mirrors to one deployment, no more than this, percent. */
const mostMirrored = 50

/** `export azureml <endpoint>`: the YAML of an online endpoint and of a deployment a version, as the route says. */
export async function exportAzureMl(endpoint: string, options: PlatformOptions): Promise<number> {
  const route = await requireRoute(openStoreContext().store, endpoint)
  const files = Object.entries(azureFiles(route, options)).map(([name, value]) => [name, stringify(value)] as const)
  return writePlatformFiles(`azureml/${endpoint}`, new Map(files), options)
}

/** @throws SlipwayError USAGE for what Azure ML cannot do */
export function azureFiles(
  route: Route,
  { image, machine = 'Standard_DS3_v2' }: PlatformOptions,
): Record<string, object> {
  const { endpoint } = route
  const { versions, percents, mirrored } = trafficShares(route, 'Azure ML')
  if (mirrored !== undefined && mirrored.percent > mostMirrored)
    throw new SlipwayError(
      'USAGE',
      `endpoint ${endpoint} mirrors ${mirrored.percent} % to version ${mirrored.version}; Azure ML mirrors ${mostMirrored} % at most`,
      { next: 'give the shadow a smaller share, or wait until the rollout splits' },
    )
  const nameOf = (version: number): string => `v${version}`
  const files: Record<string, object> = {
    'endpoint.yaml': {
      $schema: `${schemas}/managedOnlineEndpoint.schema.json`,
      name: endpoint,
      auth_mode: 'key',
      traffic: Object.fromEntries([...percents].map(([version, percent]) => [nameOf(version), percent])),
      ...(mirrored && { mirror_traffic: { [nameOf(mirrored.version)]: mirrored.percent } }),
    },
  }
  const at = (path: string): object => ({ path, port: containerPort })
  for (const { model, version, digest } of versions)
    files[`deployment-${nameOf(version)}.yaml`] = {
      $schema: `${schemas}/managedOnlineDeployment.schema.json`,
      name: nameOf(version),
      endpoint_name: endpoint,
      environment: {
        image: `${image}:${model}-${version}`,
        inference_config: {
          liveness_route: at(azureRoutes.liveness),
          readiness_route: at(azureRoutes.readiness),
          scoring_route: at(azureRoutes.scoring),
        },
      },
      instance_type: machine,
      instance_count: 1,
      tags: { 'slipway.model.digest': digest },
    }
  return files
}
