import { AwsError, invalid } from './errors.ts'
import { ModelPackageCard } from './model-card-schema.ts'
import { type FamilyMaker, seconds, type Tag, type World } from './world.ts'

type Approval = 'Approved' | 'Rejected' | 'PendingManualApproval'

/** The members of a request that the fake looks at; all others are kept as they came. */
interface PackageRequest {
  readonly ModelPackageGroupName?: string
  readonly ModelApprovalStatus?: Approval
  readonly InferenceSpecification?: object
  readonly CustomerMetadataProperties?: Readonly<Record<string, string>>
  readonly ModelCard?: { readonly ModelCardContent?: string; readonly ModelCardStatus?: string }
  readonly ClientToken?: string
  readonly Tags?: Tag[]
}

interface ModelPackage {
  readonly request: PackageRequest
  readonly arn: string
  readonly group: string
  readonly version: number
  readonly createdAt: number
  approval: Approval
  approvalDescription?: string
  metadata: Record<string, string>
  card?: { ModelCardContent?: string; ModelCardStatus?: string }
  modifiedAt: number
}

interface Group {
  readonly name: string
  readonly arn: string
  readonly createdAt: number
  readonly description: string | undefined
  readonly packages: ModelPackage[]
}

/** Groups of model packages: versions of a model, each with its approval. */
export const modelPackages: FamilyMaker = (world) => {
  const groups = new Map<string, Group>()
  const tokens = new Map<string, { readonly request: string; readonly arn: string }>()
  const groupNamed = (name: string): Group => {
    const group = groups.get(name.split('/').at(-1) as string)
    if (group === undefined)
      throw invalid(`ModelPackageGroup ${world.arn('model-package-group', name)} does not exist.`)
    return group
  }
  const packageNamed = (arn: string): ModelPackage => {
    const found = [...groups.values()].flatMap(({ packages }) => packages).find((each) => each.arn === arn)
    if (found === undefined) throw invalid(`ModelPackage ${arn} does not exist.`)
    return found
  }
  return {
    service: 'sagemaker',
    operations: {
      CreateModelPackageGroup({ ModelPackageGroupName: name, ModelPackageGroupDescription, Tags = [] }) {
        const arn = world.arn('model-package-group', name)
        if (groups.has(name)) throw invalid(`Model Package Group already exists: ${arn}`)
        groups.set(name, { name, arn, createdAt: seconds(), description: ModelPackageGroupDescription, packages: [] })
        world.tags.set(arn, Tags)
        return { ModelPackageGroupArn: arn }
      },
      DescribeModelPackageGroup({ ModelPackageGroupName }) {
        const { name, arn, createdAt, description } = groupNamed(ModelPackageGroupName)
        return {
          ModelPackageGroupName: name,
          ModelPackageGroupArn: arn,
          ...(description !== undefined && { ModelPackageGroupDescription: description }),
          CreationTime: createdAt,
          CreatedBy: {},
          ModelPackageGroupStatus: 'Completed',
        }
      },
      CreateModelPackage: (request: PackageRequest) => create(world, request, { groupNamed, tokens }),
      DescribeModelPackage: ({ ModelPackageName }) => described(packageNamed(ModelPackageName)),
      UpdateModelPackage(request) {
        const found = packageNamed(request.ModelPackageArn)
        requireCard(request.ModelCard)
        found.approval = request.ModelApprovalStatus ?? found.approval
        if (request.ApprovalDescription !== undefined) found.approvalDescription = request.ApprovalDescription
        Object.assign(found.metadata, request.CustomerMetadataProperties)
        for (const name of request.CustomerMetadataPropertiesToRemove ?? []) delete found.metadata[name]
        if (request.ModelCard !== undefined) found.card = { ...found.card, ...request.ModelCard }
        found.modifiedAt = seconds()
        return { ModelPackageArn: found.arn }
      },
      ListModelPackages({ ModelPackageGroupName, SortOrder = 'Ascending', NextToken = '0', MaxResults = 10 }) {
        const { packages } = groupNamed(ModelPackageGroupName)
        const sorted = SortOrder === 'Descending' ? [...packages].reverse() : packages
        const [first, end] = [Number(NextToken), Number(NextToken) + MaxResults]
        return {
          ModelPackageSummaryList: sorted.slice(first, end).map(({ arn, group, version, createdAt, approval }) => ({
            ModelPackageArn: arn,
            ModelPackageGroupName: group,
            ModelPackageVersion: version,
            CreationTime: createdAt,
            ModelPackageStatus: 'Completed',
            ModelApprovalStatus: approval,
          })),
          ...(end < sorted.length && { NextToken: String(end) }),
        }
      },
    },
  }
}

interface Registry {
  readonly groupNamed: (name: string) => Group
  readonly tokens: Map<string, { readonly request: string; readonly arn: string }>
}

function create(world: World, request: PackageRequest, { groupNamed, tokens }: Registry): unknown {
  const { ModelPackageGroupName, ClientToken: token, ModelCard, InferenceSpecification } = request
  if (ModelPackageGroupName === undefined) throw invalid('The fake has packages of groups only.')
  const text = JSON.stringify(request)
  const known = token === undefined ? undefined : tokens.get(token)
  if (known !== undefined && known.request !== text)
    throw new AwsError('ConflictException', `The client token ${token} was used before with other parameters.`)
  if (known !== undefined) return { ModelPackageArn: known.arn }
  if (request.Tags !== undefined)
    throw invalid('Tags are not supported for versioned model packages: tag the model package group.')
  if (InferenceSpecification === undefined) throw invalid('InferenceSpecification or SourceUri must be given.')
  requireCard(ModelCard)
  const group = groupNamed(ModelPackageGroupName)
  const version = group.packages.length + 1
  const arn = world.arn('model-package', `${group.name}/${version}`)
  group.packages.push({
    request,
    arn,
    group: group.name,
    version,
    createdAt: seconds(),
    modifiedAt: seconds(),
    approval: request.ModelApprovalStatus ?? 'PendingManualApproval',
    metadata: { ...request.CustomerMetadataProperties },
    ...(ModelCard !== undefined && { card: ModelCard }),
  })
  if (token !== undefined) tokens.set(token, { request: text, arn })
  return { ModelPackageArn: arn }
}

/** SageMaker holds a card to its schema when it comes. */
function requireCard(card: PackageRequest['ModelCard']): void {
  if (card?.ModelCardContent === undefined) return
  const parsed = ModelPackageCard.safeParse(JSON.parse(card.ModelCardContent))
  const issue = parsed.error?.issues[0]
  if (issue !== undefined) throw invalid(`ModelCardContent: ${issue.path.join('.')}: ${issue.message}`)
}

function described(found: ModelPackage): unknown {
  const { request, arn, group, version, createdAt, approval, approvalDescription, metadata, card, modifiedAt } = found
  const { ClientToken: _, ...rest } = request
  return {
    ...rest,
    ModelPackageName: group,
    ModelPackageGroupName: group,
    ModelPackageVersion: version,
    ModelPackageArn: arn,
    CreationTime: createdAt,
    LastModifiedTime: modifiedAt,
    ModelPackageStatus: 'Completed',
    ModelPackageStatusDetails: { ValidationStatuses: [], ImageScanStatuses: [] },
    ModelApprovalStatus: approval,
    ...(approvalDescription !== undefined && { ApprovalDescription: approvalDescription }),
    CustomerMetadataProperties: metadata,
    ...(card !== undefined && { ModelCard: card }),
  }
}
