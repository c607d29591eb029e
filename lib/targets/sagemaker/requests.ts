import type {
  CreateEndpointConfigInput,
  CreateModelInput,
  ProductionVariant,
  UpdateEndpointInput,
} from '@aws-sdk/client-sagemaker'
import { timeoutOf } from '../../formats/guardrails.ts'
import type { Hosting } from '../../formats/hosting.ts'
import type { ModelVersion } from '../../formats/route.ts'
import { sageMakerName, sageMakerTags } from '../../sagemaker/names.ts'
import type { DesiredState, DesiredVariant } from './desired-state.ts'

/** Where in the store's bucket an endpoint's own things lie. */
export const captureFolder = (endpoint: string): string => `sagemaker/capture/${endpoint}/`

/** The share of requests that SageMaker writes down: whole percents. */
export const capturePercent = (share: number): number => Math.max(1, Math.round(share * 100))

/** What the names of an endpoint's models and configurations begin with. */
export const stemOf = (endpoint: string): string => endpoint.slice(0, 30).replaceAll(/-+/g, '-')

/** The model that a version is in SageMaker, without what is in its archive. */
function modelFacts({ digest }: ModelVersion, { image, role, environment, vpc }: Hosting) {
  return { digest, image, role, environment: environment ?? {}, vpc: vpc ?? null }
}

/** The name of a version's model. An endpoint has models of its own, so that giving up one takes nobody else's. */
export const modelNameOf = (endpoint: string, version: ModelVersion, hosting: Hosting): string =>
  sageMakerName(`${stemOf(endpoint)}-v${version.version}`, { endpoint, ...modelFacts(version, hosting) })

/** @param archive `s3://…`, the package as `model.tar.gz` */
export function modelRequest(
  endpoint: string,
  version: ModelVersion,
  hosting: Hosting,
  archive: string,
): CreateModelInput & { readonly ModelName: string } {
  const { image, role, environment, vpc } = hosting
  return {
    ModelName: modelNameOf(endpoint, version, hosting),
    ExecutionRoleArn: role,
    PrimaryContainer: {
      Image: image,
      ModelDataUrl: archive,
      ...(environment !== undefined && { Environment: environment }),
    },
    ...(vpc !== undefined && { VpcConfig: { Subnets: vpc.subnets, SecurityGroupIds: vpc.securityGroups } }),
    Tags: sageMakerTags({ endpoint, model: version.model, version: version.version, digest: version.digest }),
  }
}

function variantRequest(endpoint: string, { name, version, hosting, weight }: DesiredVariant): ProductionVariant {
  const { instance, count = 1, serverless } = hosting
  return {
    VariantName: name,
    ModelName: modelNameOf(endpoint, version, hosting),
    ...(serverless === undefined
      ? {
          InstanceType: instance as NonNullable<ProductionVariant['InstanceType']>,
          InitialInstanceCount: count,
          InitialVariantWeight: weight,
        }
      : {
          ServerlessConfig: {
            MemorySizeInMB: serverless.memoryMb,
            MaxConcurrency: serverless.maxConcurrency,
            ...(serverless.provisionedConcurrency !== undefined && {
              ProvisionedConcurrency: serverless.provisionedConcurrency,
            }),
          },
        }),
  }
}

/** An endpoint's configuration, and how those are called that differ from it in their weights alone. */
export interface WantedConfig {
  readonly request: CreateEndpointConfigInput & { readonly EndpointConfigName: string }
  /** What their names begin with. */
  readonly sameBut: string
}

/**
 * The configuration that makes an endpoint what it is to be. Its name says what is in it, so that it is the same
 * whenever it is asked for again.
 * @param bucket where SageMaker writes what it captures
 */
export function configOf(endpoint: string, desired: DesiredState, bucket: string): WantedConfig {
  const { hosting, production, shadow } = desired
  const { capture, asynchronous, kmsKey } = hosting
  const parts = {
    ProductionVariants: production.map((variant) => variantRequest(endpoint, variant)),
    ...(shadow.length > 0 && {
      ShadowProductionVariants: shadow.map((variant) => variantRequest(endpoint, variant)),
    }),
    ...(capture !== undefined && {
      DataCaptureConfig: {
        EnableCapture: true,
        InitialSamplingPercentage: capturePercent(capture),
        DestinationS3Uri: `s3://${bucket}/${captureFolder(endpoint)}`,
        CaptureOptions: [{ CaptureMode: 'Input' as const }, { CaptureMode: 'Output' as const }],
        CaptureContentTypeHeader: {
          CsvContentTypes: ['text/csv'],
          JsonContentTypes: ['application/json', 'application/jsonlines'],
        },
      },
    }),
    ...(asynchronous !== undefined && {
      AsyncInferenceConfig: {
        OutputConfig: { S3OutputPath: asynchronous.output },
        ...(asynchronous.maxConcurrencyPerInstance !== undefined && {
          ClientConfig: { MaxConcurrentInvocationsPerInstance: asynchronous.maxConcurrencyPerInstance },
        }),
      },
    }),
    ...(kmsKey !== undefined && { KmsKeyId: kmsKey }),
  }
  const bare = (variants: readonly ProductionVariant[]) => variants.map(({ InitialVariantWeight: _, ...rest }) => rest)
  const sameBut = sageMakerName(stemOf(endpoint), {
    endpoint,
    ...parts,
    ProductionVariants: bare(parts.ProductionVariants),
  })
  const weights = production.map(({ weight }) => weight)
  const ending = sageMakerName('', weights).slice(0, 8)
  return {
    request: {
      EndpointConfigName: `${sameBut}-${ending}`,
      ...parts,
      Tags: sageMakerTags({ endpoint, ...digestsOf(desired) }),
    },
    sameBut: `${sameBut}-`,
  }
}

/** What an update says of guardrails; nothing where there are none. */
export function guardedBy({ guardrails, hosting }: DesiredState): Partial<UpdateEndpointInput> {
  if (guardrails === undefined) return {}
  const { alarms, shift, waitSeconds } = guardrails
  const size = (Value: number) => ({ Type: 'CAPACITY_PERCENT' as const, Value })
  const routing = {
    canary: (percent: number) => ({ Type: 'CANARY' as const, CanarySize: size(percent) }),
    linear: (percent: number) => ({ Type: 'LINEAR' as const, LinearStepSize: size(percent) }),
    allAtOnce: () => ({ Type: 'ALL_AT_ONCE' as const }),
  }[shift.kind]('percent' in shift ? shift.percent : 100)
  return {
    DeploymentConfig: {
      BlueGreenUpdatePolicy: {
        TrafficRoutingConfiguration: { ...routing, WaitIntervalInSeconds: waitSeconds },
        // After the last step there is something to go back to for as long.
        TerminationWaitInSeconds: waitSeconds,
        MaximumExecutionTimeoutInSeconds: timeoutOf(guardrails),
      },
      AutoRollbackConfiguration: { Alarms: alarms.map((AlarmName) => ({ AlarmName })) },
    },
    // As many instances as the traffic has asked for by now.
    ...(hosting.autoscaling !== undefined && {
      RetainAllVariantProperties: true,
      ExcludeRetainedVariantProperties: [
        { VariantPropertyType: 'DesiredWeight' as const },
        { VariantPropertyType: 'DataCaptureConfig' as const },
      ],
    }),
  }
}

/** Tags that say which versions a thing is of. */
export function digestsOf({ production, shadow }: DesiredState): Record<string, string> {
  const named = [
    ...production.map((each) => ['production', each] as const),
    ...shadow.map((each) => ['shadow', each] as const),
  ]
  return Object.fromEntries(named.map(([role, { version }], i) => [`${role}-${i + 1}`, version.digest]))
}
