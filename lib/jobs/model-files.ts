import { resolve } from 'node:path'
import { SlipwayError } from '../formats/errors.ts'
import type { OnnxLearner } from '../formats/learner.ts'
import type { Plan, Step } from '../formats/plan.ts'
import { nameOfStep } from '../formats/step-names.ts'
import { byDefinition } from '../learners/finished/brought.ts'
import { readWhole } from '../learners/finished/external-data.ts'
import { readModel } from '../learners/finished/open.ts'
import { openModel } from '../learners/finished/session.ts'
import { digestOf } from '../store/digest.ts'
import { withTensorFiles } from './tensor-files.ts'

/**
 * Finished models that a plan names, by their digests: each one file, with what it keeps in others; and the sample
 * inputs of those of tensors.
 */
export type ModelFiles = ReadonlyMap<string, Uint8Array>

/**
 * A plan with the digests of the finished models it names, and those. A model that ONNX Runtime cannot load, or that
 * has no scores, is refused here.
 * @param root where their paths begin
 * @throws SlipwayError MODEL_INVALID with the name of the file
 */
export async function withModelFiles(
  root: string,
  plan: Plan,
): Promise<{ readonly plan: Plan; readonly models: ModelFiles }> {
  const models = new Map<string, Uint8Array>()
  const steps: Step[] = []
  for (const step of plan.steps) {
    if (step.kind === 'tensors') steps.push(await withTensorFiles(root, step, models))
    else if (step.kind !== 'train' || step.learner.kind !== 'onnx') steps.push(step)
    else {
      if (step.crosses !== undefined)
        throw new SlipwayError(
          'DEFINITION_INVALID',
          `"${nameOfStep(step)}" has crosses, which are fitted in training, and ${step.learner.file} is a finished model`,
          { next: 'leave crosses out', step: step.id },
        )
      const model = await readModelFile(root, step.learner)
      const digest = digestOf(model)
      models.set(digest, model)
      steps.push({ ...step, learner: { ...step.learner, model: digest } })
    }
  }
  return { plan: { ...plan, steps }, models }
}

/** A finished model as one file. @throws SlipwayError MODEL_INVALID */
export async function readModelFile(root: string, learner: OnnxLearner): Promise<Uint8Array> {
  const brought = byDefinition(learner)
  const model = await readWhole(resolve(root, learner.file), brought.refuse)
  const session = await openModel(brought.refuse, model)
  await session.release()
  readModel(brought, model)
  return model
}
