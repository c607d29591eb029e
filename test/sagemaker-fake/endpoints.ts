import type { DeploymentConfig } from '@aws-sdk/client-sagemaker'
import { changeWeights, createFleets, endOf, moveTo } from './endpoint-life.ts'
import { invalid } from './errors.ts'
import { type FakeEndpoint, hostingIn, type ServedVariant } from './hosting.ts'
import { type FamilyMaker, seconds, type Tag } from './world.ts'

/** Endpoints: the models of their variants are really served, by processes of this machine. */
export const endpoints: FamilyMaker = (world) => {
  const { endpoints, configs } = hostingIn(world)
  const lives = new Set<Promise<void>>()
  const live = (life: Promise<void>): void => {
    const kept = life.finally(() => lives.delete(kept))
    lives.add(kept)
  }
  const arnOf = (name: string): string => world.arn('endpoint', name.toLowerCase())
  const find = (name: string): FakeEndpoint => {
    const endpoint = endpoints.get(name)
    if (endpoint === undefined) throw invalid(`Could not find endpoint "${arnOf(name)}".`)
    return endpoint
  }
  const requireConfig = (name: string): void => {
    if (configs.has(name)) return
    throw invalid(`Could not find endpoint configuration "${world.arn('endpoint-config', name.toLowerCase())}".`)
  }
  const requireInService = (endpoint: FakeEndpoint): void => {
    if (endpoint.status === 'Failed')
      throw invalid(`Cannot update endpoint "${endpoint.arn}" with status "Failed"; create a new one.`)
    if (endpoint.status !== 'InService') throw invalid(`Cannot update in-progress endpoint "${endpoint.arn}".`)
  }
  return {
    service: 'sagemaker',
    operations: {
      CreateEndpoint({ EndpointName: name, EndpointConfigName, Tags = [] }) {
        if (endpoints.has(name)) throw invalid(`Cannot create already existing endpoint "${arnOf(name)}".`)
        requireConfig(EndpointConfigName)
        const endpoint: FakeEndpoint = {
          name,
          arn: arnOf(name),
          createdAt: seconds(),
          modifiedAt: seconds(),
          status: 'Creating',
          config: EndpointConfigName,
          production: [],
          shadow: [],
        }
        endpoints.set(name, endpoint)
        world.tags.set(endpoint.arn, Tags as Tag[])
        live(createFleets(world, endpoint))
        return { EndpointArn: endpoint.arn }
      },
      ListEndpoints: ({ NameContains = '' }) => ({
        Endpoints: [...endpoints.values()]
          .filter(({ name }) => name.includes(NameContains))
          .map(({ name, arn, createdAt, modifiedAt, status }) => ({
            EndpointName: name,
            EndpointArn: arn,
            CreationTime: createdAt,
            LastModifiedTime: modifiedAt,
            EndpointStatus: status,
          })),
      }),
      DescribeEndpoint: ({ EndpointName }) => described(find(EndpointName)),
      UpdateEndpoint({ EndpointName, EndpointConfigName, DeploymentConfig }) {
        const endpoint = find(EndpointName)
        requireInService(endpoint)
        requireConfig(EndpointConfigName)
        requireRouting(DeploymentConfig)
        live(moveTo(world, endpoint, EndpointConfigName, DeploymentConfig))
        return { EndpointArn: endpoint.arn }
      },
      UpdateEndpointWeightsAndCapacities({ EndpointName, DesiredWeightsAndCapacities }) {
        const endpoint = find(EndpointName)
        requireInService(endpoint)
        for (const { VariantName } of DesiredWeightsAndCapacities)
          if (!endpoint.production.some(({ request }) => request.VariantName === VariantName))
            throw invalid(`The variant name(s) "${VariantName}" is/are not present within endpoint "${endpoint.arn}".`)
        live(changeWeights(world, endpoint, DesiredWeightsAndCapacities))
        return { EndpointArn: endpoint.arn }
      },
      DeleteEndpoint({ EndpointName }) {
        const endpoint = find(EndpointName)
        if (endpoint.status === 'Creating' || endpoint.status === 'Updating')
          throw invalid(`Cannot update in-progress endpoint "${endpoint.arn}".`)
        live(endOf(world, endpoint))
        return {}
      },
    },
    async stop() {
      await Promise.all(lives)
      await Promise.all([...endpoints.values()].map((endpoint) => endOf(world, endpoint)))
    },
  }
}

/** What SageMaker refuses of a way to shift traffic, besides what its service model says. */
function requireRouting(deployment: DeploymentConfig | undefined): void {
  const { Type, CanarySize, LinearStepSize } = deployment?.BlueGreenUpdatePolicy?.TrafficRoutingConfiguration ?? {}
  const size = { CANARY: CanarySize, LINEAR: LinearStepSize }[Type as 'CANARY']
  if (Type === 'CANARY' && CanarySize === undefined) throw invalid('CanarySize is required for CANARY traffic routing.')
  if (Type === 'LINEAR' && LinearStepSize === undefined)
    throw invalid('LinearStepSize is required for LINEAR traffic routing.')
  const value = size?.Value ?? 50
  if (size?.Type === 'CAPACITY_PERCENT' && (value > 50 || (Type === 'LINEAR' && value < 10)))
    throw invalid(`${Type} traffic routing: ${value} is not within its bounds of capacity percent.`)
}

function described(endpoint: FakeEndpoint): unknown {
  const { name, arn, status, config, pending, failure, createdAt, modifiedAt, deployment } = endpoint
  const summary = ({ request, currentWeight, desiredWeight, count }: ServedVariant) => ({
    VariantName: request.VariantName,
    CurrentWeight: currentWeight,
    DesiredWeight: desiredWeight,
    ...(request.ServerlessConfig === undefined
      ? { CurrentInstanceCount: count, DesiredInstanceCount: count }
      : { CurrentServerlessConfig: request.ServerlessConfig }),
  })
  return {
    EndpointName: name,
    EndpointArn: arn,
    EndpointConfigName: config,
    ...(endpoint.production.length > 0 && { ProductionVariants: endpoint.production.map(summary) }),
    ...(endpoint.shadow.length > 0 && { ShadowProductionVariants: endpoint.shadow.map(summary) }),
    EndpointStatus: status,
    ...(failure !== undefined && { FailureReason: failure }),
    CreationTime: createdAt,
    LastModifiedTime: modifiedAt,
    ...(deployment !== undefined && { LastDeploymentConfig: deployment }),
    ...(pending !== undefined && { PendingDeploymentSummary: { EndpointConfigName: pending } }),
  }
}
