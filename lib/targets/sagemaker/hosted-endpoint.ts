import {
  AddTagsCommand,
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  type CreateEndpointConfigInput,
  CreateModelCommand,
  DeleteEndpointCommand,
  DescribeEndpointCommand,
  DescribeEndpointConfigCommand,
  DescribeModelCommand,
  ListTagsCommand,
  type ProductionVariant,
  UpdateEndpointCommand,
  UpdateEndpointWeightsAndCapacitiesCommand,
} from '@aws-sdk/client-sagemaker'
import type { ModelVersion } from '../../formats/route.ts'
import type { SageMakerClients } from '../../sagemaker/clients.ts'
import { ensure, look } from '../../sagemaker/ensure.ts'
import { isNotFound, sageMakerError } from '../../sagemaker/faults.ts'
import { sageMakerTags } from '../../sagemaker/names.ts'
import type { DesiredState } from './desired-state.ts'
import type { FoundEndpoint, NextStep } from './next-step.ts'
import { configOf, digestsOf, guardedBy, modelRequest } from './requests.ts'

/** SageMaker as an endpoint is brought to it. */
export interface Hosts {
  readonly clients: Pick<SageMakerClients, 'sageMaker'>
  /** The store's bucket, which SageMaker reads and writes. */
  readonly bucket: string
  /** Brings a package to where SageMaker reads it. @returns `s3://…/model.tar.gz` */
  archive(version: ModelVersion): Promise<string>
}

/** An endpoint that is there, with the ARN that its tags are under. */
export interface There extends FoundEndpoint {
  readonly arn: string
}

/** What SageMaker says of an endpoint; null where there is none. */
export async function describeEndpoint({ clients }: Hosts, name: string): Promise<There | null> {
  const { sageMaker } = clients
  const what = `endpoint ${name}`
  const found = await look({
    what,
    describe: () => sageMaker.send(new DescribeEndpointCommand({ EndpointName: name })),
  })
  if (found === undefined) return null
  const arn = found.EndpointArn ?? ''
  const { Tags = [] } = await sageMaker.send(new ListTagsCommand({ ResourceArn: arn })).catch((error) => {
    // It may go between the two calls.
    if (isNotFound(error)) return { Tags: [] }
    throw sageMakerError(error, `to read the tags of ${what}`)
  })
  const tag = (key: string): string | undefined => Tags.find(({ Key }) => Key === `slipway:${key}`)?.Value
  const [updated, at] = (tag('updated') ?? '').split(' ')
  return {
    arn,
    status: found.EndpointStatus ?? '',
    config: found.EndpointConfigName ?? '',
    pending: found.PendingDeploymentSummary?.EndpointConfigName ?? null,
    production: (found.ProductionVariants ?? []).map((variant) => ({
      name: variant.VariantName ?? '',
      currentWeight: variant.CurrentWeight ?? 1,
      desiredWeight: variant.DesiredWeight ?? 1,
    })),
    failure: found.FailureReason ?? null,
    revision: Number(tag('revision') ?? 0),
    updated: at === undefined ? null : { revision: Number(updated), agoMs: Date.now() - Date.parse(at) },
  }
}

/** Says on an endpoint which revision it is brought to, before anything is changed. */
export async function tagRevision({ clients }: Hosts, { arn }: There, desired: DesiredState): Promise<void> {
  await addTags(clients, arn, { revision: desired.revision, ...digestsOf(desired) })
}

/**
 * Says on an endpoint which revision it was updated for: else an update that SageMaker takes back would be begun again
 * and again.
 */
export async function tagUpdated({ clients }: Hosts, { arn }: There, { revision }: DesiredState): Promise<void> {
  await addTags(clients, arn, { updated: `${revision} ${new Date().toISOString()}` })
}

/** Takes the next step. Every one of them may be taken again after a crash. */
export async function takeStep(
  hosts: Hosts,
  endpoint: string,
  desired: DesiredState,
  step: NextStep,
  there: There | null,
): Promise<void> {
  const { sageMaker } = hosts.clients
  const EndpointName = desired.endpoint
  const tried = <T>(work: Promise<T>, doing: string): Promise<T> =>
    work.catch((error) => {
      throw sageMakerError(error, `to ${doing} endpoint ${EndpointName}`)
    })
  switch (step.kind) {
    case 'create': {
      const EndpointConfigName = await ensureConfig(hosts, endpoint, desired)
      await ensure({
        what: `endpoint ${EndpointName}`,
        request: { EndpointName },
        create: () =>
          sageMaker.send(
            new CreateEndpointCommand({
              EndpointName,
              EndpointConfigName,
              Tags: sageMakerTags({ endpoint, revision: desired.revision, ...digestsOf(desired) }),
            }),
          ),
        describe: () => sageMaker.send(new DescribeEndpointCommand({ EndpointName })),
      })
      return
    }
    case 'update': {
      const EndpointConfigName = await ensureConfig(hosts, endpoint, desired)
      const request = { EndpointName, EndpointConfigName, ...guardedBy(desired) }
      await tried(sageMaker.send(new UpdateEndpointCommand(request)), 'update')
      if (there !== null) await tagUpdated(hosts, there, desired)
      return
    }
    case 'weights': {
      const DesiredWeightsAndCapacities = step.weights.map(({ name, weight }) => ({
        VariantName: name,
        DesiredWeight: weight,
      }))
      const command = new UpdateEndpointWeightsAndCapacitiesCommand({ EndpointName, DesiredWeightsAndCapacities })
      await tried(sageMaker.send(command), 'set the weights of')
      return
    }
    case 'delete':
      await tried(sageMaker.send(new DeleteEndpointCommand({ EndpointName })), 'delete')
      return
    default:
  }
}

/**
 * Begins anew what did not come to its end, since somebody asks for it again: an endpoint that failed goes, which
 * serves nothing and cannot be updated; an update that was taken back is tried once more.
 */
export async function mend(hosts: Hosts, desired: DesiredState, there: There): Promise<void> {
  if (there.status === 'Failed') await takeStep(hosts, '', desired, { kind: 'delete' }, there)
  else await addTags(hosts.clients, there.arn, { updated: `0 ${new Date().toISOString()}` })
}

/** The configuration that is wanted, with its models. @returns its name */
async function ensureConfig(hosts: Hosts, endpoint: string, desired: DesiredState): Promise<string> {
  const { sageMaker } = hosts.clients
  for (const { version, hosting } of [...desired.production, ...desired.shadow]) {
    const { Tags, ...request } = modelRequest(endpoint, version, hosting, await hosts.archive(version))
    await ensure({
      what: `model ${request.ModelName}`,
      request,
      create: () => sageMaker.send(new CreateModelCommand({ ...request, Tags })),
      describe: () => sageMaker.send(new DescribeModelCommand({ ModelName: request.ModelName })),
    })
  }
  const { Tags, ...request } = configOf(endpoint, desired, hosts.bucket).request
  const { EndpointConfigName } = request
  await ensure({
    what: `endpoint configuration ${EndpointConfigName}`,
    request: withoutWeights(request),
    create: () => sageMaker.send(new CreateEndpointConfigCommand({ ...request, Tags })),
    describe: () => sageMaker.send(new DescribeEndpointConfigCommand({ EndpointConfigName })),
  })
  return EndpointConfigName
}

/** A configuration without its weights, which its name says and whose precision SageMaker changes. */
function withoutWeights(request: CreateEndpointConfigInput): Readonly<Record<string, unknown>> {
  const bare = (variants: readonly ProductionVariant[] | undefined) =>
    variants?.map(({ InitialVariantWeight: _, ...variant }) => variant)
  const { ProductionVariants, ShadowProductionVariants, ...rest } = request
  return {
    ...rest,
    ProductionVariants: bare(ProductionVariants),
    ShadowProductionVariants: bare(ShadowProductionVariants),
  }
}

async function addTags(
  { sageMaker }: Pick<SageMakerClients, 'sageMaker'>,
  ResourceArn: string,
  values: Readonly<Record<string, string | number>>,
): Promise<void> {
  await sageMaker.send(new AddTagsCommand({ ResourceArn, Tags: sageMakerTags(values) })).catch((error) => {
    throw sageMakerError(error, `to tag ${ResourceArn}`)
  })
}
