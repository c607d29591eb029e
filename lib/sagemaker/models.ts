import { CreateModelCommand, DescribeModelCommand } from '@aws-sdk/client-sagemaker'
import type { SageMakerClients } from './clients.ts'
import { ensure } from './ensure.ts'
import { sageMakerName, sageMakerTags } from './names.ts'

/** A packaged version as SageMaker serves it. */
export interface ServedPackage {
  readonly model: string
  readonly version: number
  readonly digest: string
  readonly image: string
  readonly role: string
  /** Address of its archive, `model.tar.gz`. */
  readonly data: string
}

/** Makes the model resource of a packaged version in an image, once. @returns its name */
export async function ensureModel(
  { sageMaker }: Pick<SageMakerClients, 'sageMaker'>,
  { model, version, digest, image, role, data }: ServedPackage,
): Promise<string> {
  const name = sageMakerName(`slipway-${model}`, { digest, image, role, data })
  const request = {
    ModelName: name,
    PrimaryContainer: { Image: image, ModelDataUrl: data },
    ExecutionRoleArn: role,
  }
  await ensure({
    what: `model ${name}`,
    create: () =>
      sageMaker.send(new CreateModelCommand({ ...request, Tags: sageMakerTags({ model, version, digest }) })),
    describe: () => sageMaker.send(new DescribeModelCommand({ ModelName: name })),
    request,
  })
  return name
}
