import { Context } from '@temporalio/activity'
import { requirePlannedCode } from '../lib/extensions/plan.ts'
import type { StepOutcome } from '../lib/formats/step-inputs.ts'
import { namedInModel } from '../lib/formats/step-key.ts'
import type { Once } from '../lib/jobs/step-work.ts'
import { evaluatePackage, judgeCandidate, trainModel } from '../lib/jobs/steps/model.ts'
import { packageModel } from '../lib/jobs/steps/package-model.ts'
import { packageTensors } from '../lib/jobs/steps/package-tensors.ts'
import { type ActivityDeps, runIdempotent, runStep, type StepGiven, type StepOrder, wholeStep } from './step.ts'

/** The plan's train step goes along: it says what the packaged model is. */
export interface PackageOrder extends StepOrder<'package'> {
  readonly train: StepGiven<'train'>
  readonly trainKey: string
  readonly model: string
}

/** The steps that make a model and judge it. */
export function createModelActivities(deps: ActivityDeps) {
  return {
    trainModel: (order: StepOrder<'train'> & { readonly model: string }): Promise<StepOutcome> =>
      runStep(
        deps,
        order,
        (work) => {
          requirePlannedCode(work.step, deps.adapters)
          return trainModel(deps, work, order)
        },
        namedInModel(order.model),
      ),

    /** Makes the model bundle, checks that ONNX Runtime agrees with the trainer, and signs it. */
    packageModel: (order: PackageOrder): Promise<StepOutcome> =>
      runStep(
        deps,
        order,
        async (work) => {
          const train = await wholeStep(deps, order.train)
          const once: Once = (material, prove) =>
            runIdempotent(deps, { run: order.run, material, traced: false }, Context.current(), work.progress, prove)
          return packageModel(deps, work, { ...order, train }, once)
        },
        { train: order.trainKey },
      ),

    /** The same of a finished model of tensors alone. */
    packageTensors: (order: StepOrder<'tensors'>): Promise<StepOutcome> =>
      runStep(deps, order, (work) => packageTensors(deps, work)),

    evaluatePackage: (order: StepOrder<'evaluate'>): Promise<StepOutcome> =>
      runStep(deps, order, (work) => evaluatePackage(deps, work, order.inputs)),

    /** Judges the gates. A gate that fails is a result, not an error: the workflow decides what follows. */
    judgeCandidate: (order: StepOrder<'gate'>): Promise<StepOutcome> =>
      runStep(deps, order, (work) => judgeCandidate(deps, work, order.inputs)),
  }
}
