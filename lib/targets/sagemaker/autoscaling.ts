import {
  DeregisterScalableTargetCommand,
  DescribeScalableTargetsCommand,
  PutScalingPolicyCommand,
  RegisterScalableTargetCommand,
} from '@aws-sdk/client-application-auto-scaling'
import type { SageMakerClients } from '../../sagemaker/clients.ts'
import { sageMakerError } from '../../sagemaker/faults.ts'
import type { DesiredState } from './desired-state.ts'

const ServiceNamespace = 'sagemaker'
const ScalableDimension = 'sagemaker:variant:DesiredInstanceCount'
const prefixOf = (endpoint: string): string => `endpoint/${endpoint}/variant/`

/** What variants are scaled by. */
type Scaling = Pick<SageMakerClients, 'autoScaling'>

/**
 * Has the instances of every variant that says so follow its requests: target tracking. Asked again it changes nothing.
 * @throws those of `sageMakerError`
 */
export async function scaleVariants({ autoScaling }: Scaling, { endpoint, production }: DesiredState): Promise<void> {
  for (const { name, hosting } of production) {
    const { autoscaling } = hosting
    if (autoscaling === undefined) continue
    const variant = { ServiceNamespace, ResourceId: `${prefixOf(endpoint)}${name}`, ScalableDimension } as const
    const { min, max, invocationsPerInstance, scaleInCooldownSeconds, scaleOutCooldownSeconds } = autoscaling
    try {
      await autoScaling.send(new RegisterScalableTargetCommand({ ...variant, MinCapacity: min, MaxCapacity: max }))
      await autoScaling.send(
        new PutScalingPolicyCommand({
          ...variant,
          PolicyName: `slipway-${name}`,
          PolicyType: 'TargetTrackingScaling',
          TargetTrackingScalingPolicyConfiguration: {
            TargetValue: invocationsPerInstance,
            PredefinedMetricSpecification: { PredefinedMetricType: 'SageMakerVariantInvocationsPerInstance' },
            ScaleInCooldown: scaleInCooldownSeconds,
            ScaleOutCooldown: scaleOutCooldownSeconds,
          },
        }),
      )
    } catch (error) {
      throw sageMakerError(error, `to scale variant ${name} of endpoint ${endpoint}`)
    }
  }
}

/** Scales no variant any more that goes, or that does not say so: SageMaker gives up none that is scaled. */
export async function scaleNoMore({ autoScaling }: Scaling, { endpoint, production }: DesiredState): Promise<void> {
  const stay = new Set(production.flatMap(({ name, hosting }) => (hosting.autoscaling === undefined ? [] : name)))
  try {
    let NextToken: string | undefined
    do {
      const page = await autoScaling.send(new DescribeScalableTargetsCommand({ ServiceNamespace, NextToken }))
      for (const { ResourceId = '' } of page.ScalableTargets ?? []) {
        const variant = ResourceId.startsWith(prefixOf(endpoint)) ? ResourceId.slice(prefixOf(endpoint).length) : null
        if (variant === null || stay.has(variant)) continue
        await autoScaling.send(new DeregisterScalableTargetCommand({ ServiceNamespace, ResourceId, ScalableDimension }))
      }
      NextToken = page.NextToken
    } while (NextToken !== undefined)
  } catch (error) {
    throw sageMakerError(error, `to end the scaling of endpoint ${endpoint}`)
  }
}
