import {
  CreateModelPackageCommand,
  CreateModelPackageGroupCommand,
  type CreateModelPackageInput,
  DescribeModelPackageCommand,
  type DescribeModelPackageCommandOutput,
  DescribeModelPackageGroupCommand,
  type InferenceSpecification,
  ListModelPackagesCommand,
  type SageMakerClient,
  UpdateModelPackageCommand,
} from '@aws-sdk/client-sagemaker'
import { SlipwayError } from '../formats/errors.ts'
import type { MirroredStatus } from '../formats/registry-mirror.ts'
import { digestOf, hexOf } from '../store/digest.ts'
import { ensure } from './ensure.ts'
import { sageMakerError } from './faults.ts'
import { sageMakerTags, type Tag } from './names.ts'

/** Metadata of a package by which it is found, and by which what was decided here is told from what was there. */
export const metadataNames = {
  digest: 'slipway:digest',
  version: 'slipway:version',
  run: 'slipway:run',
  /** `Approved by run x`: what was last written from here, and about which run. */
  decided: 'slipway:decided',
} as const

/** A version as it is put into a group. */
export interface WantedPackage {
  readonly group: string
  readonly digest: string
  readonly request: Omit<CreateModelPackageInput, 'ModelPackageGroupName' | 'ClientToken' | 'Tags'>
  readonly tags: readonly Tag[]
}

/** How many descriptions are asked for at once. */
const atOnce = 8

/**
 * Puts a version into a group of model packages, once: one with its digest is found, whoever put it there. The group
 * is made where there is none.
 * @returns its ARN
 */
export async function ensurePackage(client: SageMakerClient, wanted: WantedPackage): Promise<string> {
  const { group, digest, request, tags } = wanted
  await ensure({
    what: `model package group ${group}`,
    create: () =>
      client.send(
        new CreateModelPackageGroupCommand({
          ModelPackageGroupName: group,
          ModelPackageGroupDescription: `Versions of the model ${group}, registered by Slipway`,
          Tags: [...tags, ...sageMakerTags({ mirror: 'registry' })],
        }),
      ),
    describe: () => client.send(new DescribeModelPackageGroupCommand({ ModelPackageGroupName: group })),
    request: { ModelPackageGroupName: group },
  })
  const known = await findPackage(client, group, digest)
  if (known !== undefined) return known.ModelPackageArn as string
  const made = await client
    .send(
      new CreateModelPackageCommand({
        ...request,
        ModelPackageGroupName: group,
        // Of two that do this at once both get the same package.
        ClientToken: hexOf(digestOf(JSON.stringify({ group, digest, request }))).slice(0, 36),
      }),
    )
    .catch((error) => {
      throw sageMakerError(error, `to put a version into the group ${group}`)
    })
  return made.ModelPackageArn as string
}

/** The newest package of a group that has a digest. */
export async function findPackage(
  client: SageMakerClient,
  group: string,
  digest: string,
): Promise<DescribeModelPackageCommandOutput | undefined> {
  for await (const found of packagesOf(client, group))
    if (found.CustomerMetadataProperties?.[metadataNames.digest] === digest) return found
  return undefined
}

/** All packages of a group with what is known of each, the newest first. */
export async function* packagesOf(
  client: SageMakerClient,
  group: string,
): AsyncGenerator<DescribeModelPackageCommandOutput> {
  let NextToken: string | undefined
  do {
    const page = await client
      .send(
        new ListModelPackagesCommand({
          ModelPackageGroupName: group,
          SortBy: 'CreationTime',
          SortOrder: 'Descending',
          NextToken,
        }),
      )
      .catch((error) => {
        throw sageMakerError(error, `to list the packages of the group ${group}`)
      })
    const arns = (page.ModelPackageSummaryList ?? []).flatMap(({ ModelPackageArn }) => ModelPackageArn ?? [])
    for (let at = 0; at < arns.length; at += atOnce)
      yield* await Promise.all(arns.slice(at, at + atOnce).map((arn) => describePackage(client, arn)))
    NextToken = page.NextToken
  } while (NextToken !== undefined)
}

export function describePackage(client: SageMakerClient, arn: string): Promise<DescribeModelPackageCommandOutput> {
  return client.send(new DescribeModelPackageCommand({ ModelPackageName: arn })).catch((error) => {
    throw sageMakerError(error, `to look at the model package ${arn}`)
  })
}

/** How a package runs: images, archives, instances. */
export type Specification = InferenceSpecification

/** Adds to what is known of a package, and says anew how it runs where that is given. */
export async function writeMetadata(
  client: SageMakerClient,
  arn: string,
  metadata: Readonly<Record<string, string>>,
  specification: Specification | undefined,
): Promise<void> {
  await client
    .send(
      new UpdateModelPackageCommand({
        ModelPackageArn: arn,
        CustomerMetadataProperties: { ...metadata },
        ...(specification !== undefined && { InferenceSpecification: specification }),
      }),
    )
    .catch((error) => {
      throw sageMakerError(error, `to write on the model package ${arn}`)
    })
}

/** What people may read of a decision, characters. */
const mostOfReason = 1024

/** Puts a decision that was taken here on a package, or asks for one. */
export async function writeApproval(
  client: SageMakerClient,
  arn: string,
  order: { readonly status: MirroredStatus['status']; readonly reason: string; readonly run: string },
  more: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { status, reason, run } = order
  await client
    .send(
      new UpdateModelPackageCommand({
        ModelPackageArn: arn,
        ModelApprovalStatus: approvalOf[status],
        ApprovalDescription: plain(reason).slice(0, mostOfReason),
        CustomerMetadataProperties: { ...more, [metadataNames.decided]: decidedOf(approvalOf[status], run) },
      }),
    )
    .catch((error) => {
      throw sageMakerError(error, `to write the decision on the model package ${arn}`)
    })
}

const approvalOf = { approved: 'Approved', rejected: 'Rejected', pending: 'PendingManualApproval' } as const
const decidedOf = (approval: string, run: string): string => `${approval} by run ${run}`.slice(0, 256)
/** Descriptions have no control characters. */
const plain = (text: string): string => text.replaceAll(/[^\p{L}\p{M}\p{Z}\p{S}\p{N}\p{P}]+/gu, ' ')

/** How a package stands, and whose decision that is: one that nobody wrote from here is theirs. */
export function statusOf(
  found: Pick<
    DescribeModelPackageCommandOutput,
    'ModelApprovalStatus' | 'ApprovalDescription' | 'CustomerMetadataProperties' | 'LastModifiedBy'
  >,
): MirroredStatus {
  const { ModelApprovalStatus: approval, ApprovalDescription: description = '', LastModifiedBy: by } = found
  const status = statuses[approval ?? '']
  if (status === undefined)
    throw new SlipwayError(
      'SAGEMAKER_REFUSED',
      `SageMaker says "${approval}" of a model package, which means nothing here`,
    )
  const decided = found.CustomerMetadataProperties?.[metadataNames.decided] ?? ''
  const isTheirs = status !== 'pending' && !decided.startsWith(`${approval} by run `)
  const who = by?.UserProfileName ?? by?.IamIdentity?.Arn?.split('/').at(-1)
  const words = description === '' ? 'no reason given' : description
  return { status, isTheirs, reason: isTheirs ? `${who ?? 'somebody'} in SageMaker: ${words}` : words }
}

const statuses: Readonly<Record<string, MirroredStatus['status']>> = {
  Approved: 'approved',
  Rejected: 'rejected',
  PendingManualApproval: 'pending',
}
