import { AwsError, invalid } from './errors.ts'
import { hostingIn } from './hosting.ts'
import { type FamilyMaker, seconds } from './world.ts'

/** A variant whose instances are scaled, with its policies by name. */
interface Scaled {
  readonly request: { readonly ResourceId: string; MinCapacity: number; MaxCapacity: number }
  readonly createdAt: number
  readonly policies: Map<string, unknown>
}

/** Application auto scaling, of variants: what is registered, and by which policies. */
export const autoScaling: FamilyMaker = (world) => {
  const targets = new Map<string, Scaled>()
  const find = (id: string): Scaled => {
    const scaled = targets.get(id)
    if (scaled === undefined)
      throw new AwsError('ObjectNotFoundException', `No scalable target found for service namespace: sagemaker, ${id}`)
    return scaled
  }
  const arnOf = (id: string): string => `arn:aws:application-autoscaling:${world.region}:${world.account}:${id}`
  return {
    service: 'application-autoscaling',
    operations: {
      RegisterScalableTarget(request) {
        const [, endpoint, variant] = /^endpoint\/([^/]+)\/variant\/([^/]+)$/.exec(request.ResourceId) ?? []
        const there = hostingIn(world).endpoints.get(endpoint ?? '')
        if (there?.production.some((each) => each.request.VariantName === variant) !== true)
          throw invalid(`SageMaker variant ${request.ResourceId} does not exist.`)
        const known = targets.get(request.ResourceId)
        targets.set(request.ResourceId, {
          request,
          createdAt: known?.createdAt ?? seconds(),
          policies: known?.policies ?? new Map(),
        })
        return { ScalableTargetARN: arnOf(request.ResourceId) }
      },
      PutScalingPolicy(request) {
        find(request.ResourceId).policies.set(request.PolicyName, request)
        return { PolicyARN: `${arnOf(request.ResourceId)}/${request.PolicyName}`, Alarms: [] }
      },
      DescribeScalableTargets: () => ({
        ScalableTargets: [...targets.values()].map(({ request, createdAt }) => ({
          ServiceNamespace: 'sagemaker',
          ResourceId: request.ResourceId,
          ScalableDimension: 'sagemaker:variant:DesiredInstanceCount',
          MinCapacity: request.MinCapacity,
          MaxCapacity: request.MaxCapacity,
          RoleARN: `arn:aws:iam::${world.account}:role/scaling`,
          CreationTime: createdAt,
        })),
      }),
      DeregisterScalableTarget({ ResourceId }) {
        find(ResourceId)
        targets.delete(ResourceId)
        return {}
      },
    },
  }
}
