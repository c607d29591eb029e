import { invalid } from './errors.ts'
import { type FamilyMaker, seconds, type Tag, type World } from './world.ts'

/** The members of a request that the fake looks at. */
export interface ModelRequest {
  readonly ModelName: string
  readonly ExecutionRoleArn?: string
  readonly PrimaryContainer?: ModelContainer
  readonly Tags?: Tag[]
}

export interface ModelContainer {
  readonly Image?: string
  readonly ModelDataUrl?: string
  readonly Environment?: Readonly<Record<string, string>>
  readonly ModelPackageName?: string
}

export interface Model {
  readonly request: ModelRequest
  readonly arn: string
  readonly createdAt: number
}

const all = new WeakMap<World, Map<string, Model>>()

/** The models of a world, by name: endpoints and transform jobs ask for them. */
export function modelsOf(world: World): Map<string, Model> {
  const models = all.get(world) ?? new Map<string, Model>()
  all.set(world, models)
  return models
}

/** @throws AwsError as SageMaker where something names a model that is not there */
export function modelNamed(world: World, name: string): Model {
  const model = modelsOf(world).get(name)
  if (model === undefined) throw invalid(`Could not find model "${world.arn('model', name)}".`)
  return model
}

/** Models: an image, an archive and a role under a name. */
export const models: FamilyMaker = (world) => {
  const made = modelsOf(world)
  return {
    service: 'sagemaker',
    operations: {
      CreateModel(request: ModelRequest) {
        const { ModelName: name, Tags = [], PrimaryContainer: container } = request
        const arn = world.arn('model', name)
        if (made.has(name)) throw invalid(`Cannot create already existing model "${arn}".`)
        if (request.ExecutionRoleArn === undefined) throw invalid('ExecutionRoleArn is required.')
        if (container?.Image === undefined && container?.ModelPackageName === undefined)
          throw invalid('Containers must not be empty: name an image, or a model package.')
        made.set(name, { request, arn, createdAt: seconds() })
        world.tags.set(arn, Tags)
        return { ModelArn: arn }
      },
      DescribeModel({ ModelName }) {
        const { request, arn, createdAt } = modelNamed(world, ModelName)
        const { Tags: _, PrimaryContainer, ...rest } = request
        return {
          ...rest,
          PrimaryContainer: { Mode: 'SingleModel', Environment: {}, ...PrimaryContainer },
          ModelArn: arn,
          CreationTime: createdAt,
          EnableNetworkIsolation: false,
        }
      },
      DeleteModel({ ModelName }) {
        const { arn } = modelNamed(world, ModelName)
        made.delete(ModelName)
        world.tags.delete(arn)
        return {}
      },
      ListModels: ({ NameContains = '' }) => ({
        Models: [...made.values()]
          .filter(({ request }) => request.ModelName.includes(NameContains))
          .map(({ request, arn, createdAt }) => ({
            ModelName: request.ModelName,
            ModelArn: arn,
            CreationTime: createdAt,
          })),
      }),
    },
  }
}
