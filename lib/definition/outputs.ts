import { type TargetRef, targetOutputs } from '../formats/code-ref.ts'
import { SlipwayError } from '../formats/errors.ts'
import { outputOfMetric } from '../formats/metrics/index.ts'

/**
 * Metrics of one of several numbers are of one that the model answers.
 * @param whose what asks for them
 * @throws SlipwayError DEFINITION_INVALID
 */
export function requireOutputs(whose: string, metrics: readonly string[], target: TargetRef): void {
  const outputs = targetOutputs(target) ?? []
  for (const metric of metrics) {
    const output = outputOfMetric(metric)
    if (output === undefined || outputs.includes(output)) continue
    const next =
      outputs.length === 0 ? 'the model answers one number: leave .of(…) out' : `there are ${outputs.join(', ')}`
    throw new SlipwayError('DEFINITION_INVALID', `${whose} is about "${output}", which the model does not answer`, {
      next,
    })
  }
}
