import { hostVersions } from '../../lib/code/host.ts'
import { planPipeline, settingsOf } from '../../lib/code/plan.ts'
import { isDated } from '../../lib/definition/plan-as-of.ts'
import { canonicalJson } from '../../lib/formats/canonical.ts'
import { pipelineDefinition } from '../../lib/sagemaker/pipeline-definition.ts'
import { findRoot } from '../../workers/settings.ts'
import { type JsonOption, writeTo } from '../options.ts'
import { print, printJson } from '../output.ts'

interface SageMakerPipelineOptions extends JsonOption {
  readonly queue: string
  readonly output?: string
}

/**
 * `iac sagemaker-pipeline flights --queue https://…`: the definition of a SageMaker pipeline whose step asks for a run
 * through a queue. Made of the project alone: nothing has to be up.
 */
export async function sageMakerPipeline(
  pipeline: string,
  { queue, output, json }: SageMakerPipelineOptions,
): Promise<number> {
  const { plan } = await planPipeline(findRoot(), pipeline, hostVersions())
  const definition = pipelineDefinition({ pipeline, queue, settings: settingsOf(plan), isDated: isDated(plan) })
  const text = canonicalJson(definition)
  if (output !== undefined) writeTo('--output', output, `${text}\n`)
  if (json === true) printJson(output === undefined ? definition : { pipeline, output })
  else if (output === undefined) print(text)
  return 0
}
