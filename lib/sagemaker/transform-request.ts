import type { CreateTransformJobCommandInput } from '@aws-sdk/client-sagemaker'
import type { TransformPolicy } from '../formats/transform-policy.ts'
import type { Tag } from './names.ts'

/** What a transform job is made of. */
export interface TransformOrder {
  readonly name: string
  /** The model resource that it asks. */
  readonly model: string
  readonly policy: TransformPolicy
  /** Addresses of the rows, all objects below it, and of the answers. */
  readonly from: string
  readonly to: string
  /** Fields of a line: the number of its row, and what the container gets of it. */
  readonly fields: { readonly row: string; readonly input: string; readonly answer: string }
  readonly tags: readonly Tag[]
}

/** MB that requests under way may have together: SageMaker refuses more. */
const mostUnderWayMb = 100

/**
 * A request for a transform job over JSON lines. Each answer is joined to the number of its row (`DataProcessing`:
 * JSONPath with the operators that the Developer Guide lists), and everything else of the line is left out.
 */
export function transformRequest(order: TransformOrder): CreateTransformJobCommandInput {
  const { name, model, policy, from, to, fields, tags } = order
  const { instance, count, payloadMb, concurrent } = policy
  const most = Math.floor(mostUnderWayMb / payloadMb)
  return {
    TransformJobName: name,
    ModelName: model,
    BatchStrategy: 'MultiRecord',
    MaxPayloadInMB: payloadMb,
    ...(concurrent !== undefined && { MaxConcurrentTransforms: Math.min(concurrent, most) }),
    // A request that fails is asked again; what fails then is the job's end.
    ModelClientConfig: { InvocationsTimeoutInSeconds: 600, InvocationsMaxRetries: 3 },
    TransformInput: {
      DataSource: { S3DataSource: { S3DataType: 'S3Prefix', S3Uri: from } },
      ContentType: 'application/jsonlines',
      SplitType: 'Line',
      CompressionType: 'None',
    },
    TransformOutput: { S3OutputPath: to, Accept: 'application/jsonlines', AssembleWith: 'Line' },
    TransformResources: { InstanceType: instance as 'ml.m5.large', InstanceCount: count },
    DataProcessing: {
      InputFilter: `$.${fields.input}`,
      JoinSource: 'Input',
      OutputFilter: `$['${fields.row}','${fields.answer}']`,
    },
    Tags: [...tags],
  }
}
