import { SlipwayError } from '../../lib/formats/errors.ts'
import { invocations } from './invocations/invocations.ts'
import { sagemaker } from './invocations/sagemaker.ts'
import { openInference } from './open-inference/open-inference.ts'
import type { Protocol } from './protocol.ts'
import { classify, regress } from './tf-serving/examples.ts'
import { tfServing } from './tf-serving/predict.ts'
import { torchServe } from './torch-serve.ts'

/**
 * The protocols that every gateway speaks, the most used first. Errors that belong to none have the form of the first.
 */
export const builtIn: readonly Protocol[] = [
  openInference,
  tfServing,
  classify,
  regress,
  sagemaker,
  invocations,
  torchServe,
]

/**
 * Slipway's own protocols and others.
 * @param own those of Slipway's that are spoken
 * @throws SlipwayError DEFINITION_INVALID for two of one name
 */
export function protocolsWith(others: readonly Protocol[] = [], own = builtIn): readonly Protocol[] {
  const all = [...own, ...others]
  const again = all.find(({ name }, i) => all.findIndex((each) => each.name === name) !== i)
  if (again === undefined) return all
  throw new SlipwayError('DEFINITION_INVALID', `there are two protocols with the name "${again.name}"`, {
    next: 'give one of them another name',
  })
}
