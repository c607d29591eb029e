import type { PlannedPipeline } from '../lib/code/plan.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import { Plan } from '../lib/formats/plan.ts'
import { withModelFiles } from '../lib/jobs/model-files.ts'
import { type Deployment, deploymentSteps } from './deployment.ts'

/** A finished model of tensors alone that is to be registered without a pipeline. */
interface TensorRegistration {
  readonly name: string
  /** Where the file is, from the project. */
  readonly file: string
  readonly samples: string | undefined
  readonly inputVersion: number
  readonly deploy: Deployment | undefined
}

/**
 * The plan of a registration of tensors: it is packaged as it is, registered, and served and watched if that is said.
 * @throws SlipwayError MODEL_INVALID, USAGE for samples that are none
 */
export async function planTensors(
  root: string,
  { name, file, samples, inputVersion, deploy }: TensorRegistration,
): Promise<PlannedPipeline> {
  if (deploy?.monitor !== undefined && samples === undefined)
    throw new SlipwayError('USAGE', '--check-every: there is nothing to compare answers with', {
      next: 'say --samples <file>: inputs as they are usual',
    })
  const plan = Plan.parse({
    slipway: 'plan/1',
    pipeline: name,
    steps: [
      {
        id: 'package',
        kind: 'tensors',
        file,
        ...(samples !== undefined && { samples: { file: samples } }),
        name,
        signature: inputVersion,
      },
      { id: 'register', kind: 'register', package: 'package', model: name },
      ...deploymentSteps(name, deploy),
    ],
  })
  return { ...(await withModelFiles(root, plan)), bundles: new Map(), sources: [] }
}
