import type { CreateEndpointConfigInput } from '@aws-sdk/client-sagemaker'
import { invalid } from './errors.ts'
import { hostingIn } from './hosting.ts'
import { modelNamed } from './models.ts'
import { type FamilyMaker, seconds, type Tag, type World } from './world.ts'

/** Configurations of endpoints. */
export const endpointConfigs: FamilyMaker = (world) => {
  const { configs, endpoints } = hostingIn(world)
  const arnOf = (name: string): string => world.arn('endpoint-config', name.toLowerCase())
  const find = (name: string) => {
    const config = configs.get(name)
    if (config === undefined) throw invalid(`Could not find endpoint configuration "${arnOf(name)}".`)
    return config
  }
  return {
    service: 'sagemaker',
    operations: {
      CreateEndpointConfig({ Tags = [], ...request }) {
        const { EndpointConfigName: name } = request
        if (configs.has(name)) throw invalid(`Cannot create already existing endpoint configuration "${arnOf(name)}".`)
        requireSense(world, request)
        configs.set(name, { request, createdAt: seconds() })
        world.tags.set(arnOf(name), Tags as Tag[])
        return { EndpointConfigArn: arnOf(name) }
      },
      DescribeEndpointConfig({ EndpointConfigName }) {
        const { request, createdAt } = find(EndpointConfigName)
        return { ...request, EndpointConfigArn: arnOf(EndpointConfigName), CreationTime: createdAt }
      },
      ListEndpointConfigs: ({ NameContains = '' }) => ({
        EndpointConfigs: [...configs]
          .filter(([name]) => name.includes(NameContains))
          .map(([EndpointConfigName, { createdAt }]) => ({
            EndpointConfigName,
            EndpointConfigArn: arnOf(EndpointConfigName),
            CreationTime: createdAt,
          })),
      }),
      DeleteEndpointConfig({ EndpointConfigName: name }) {
        find(name)
        // SageMaker warns that this must not be done; it is not refused there.
        if ([...endpoints.values()].some((each) => each.config === name || each.pending === name))
          throw invalid(`Cannot delete endpoint configuration "${arnOf(name)}": an endpoint uses it.`)
        configs.delete(name)
        return {}
      },
    },
  }
}

/** What SageMaker refuses besides what its service model says. */
function requireSense(world: World, request: CreateEndpointConfigInput): void {
  const { ProductionVariants = [], ShadowProductionVariants = [], AsyncInferenceConfig, DataCaptureConfig } = request
  const all = [...ProductionVariants, ...ShadowProductionVariants]
  const isServerless = all.some(({ ServerlessConfig }) => ServerlessConfig !== undefined)
  for (const { ModelName = '', InstanceType, InitialInstanceCount, ServerlessConfig } of all) {
    modelNamed(world, ModelName)
    if (ServerlessConfig === undefined && (InstanceType === undefined || InitialInstanceCount === undefined))
      throw invalid('InstanceType and InitialInstanceCount are required for a variant that is not serverless.')
  }
  if (new Set(all.map(({ VariantName }) => VariantName)).size < all.length)
    throw invalid('Variant names must be unique.')
  if (ShadowProductionVariants.length > 0 && (ShadowProductionVariants.length > 1 || ProductionVariants.length > 1))
    throw invalid('You can only specify one ProductionVariant and one ShadowProductionVariant for shadow testing.')
  if (isServerless && (all.length > 1 || DataCaptureConfig !== undefined || AsyncInferenceConfig !== undefined))
    throw invalid('Serverless endpoints take one production variant, without data capture or asynchronous inference.')
  if (AsyncInferenceConfig !== undefined && ShadowProductionVariants.length > 0)
    throw invalid('ShadowProductionVariants are not supported with AsyncInferenceConfig.')
}
