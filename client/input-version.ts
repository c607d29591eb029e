import type { PlannedPipeline } from '../lib/code/plan.ts'
import type { Bundle } from '../lib/formats/artifact.ts'
import { breakingChanges } from '../lib/formats/breaking-changes.ts'
import { targetOutputs } from '../lib/formats/code-ref.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { Plan, StepOf, Task } from '../lib/formats/plan.ts'
import { RowSchema } from '../lib/formats/row-schema.ts'
import { stepOf } from '../lib/formats/step-inputs.ts'
import { breakingTensorChanges } from '../lib/formats/tensor-changes.ts'
import { isOfTensors, TensorFacts } from '../lib/formats/tensors.ts'
import { factsOf } from '../lib/jobs/steps/package-tensors.ts'
import { ModelFacts } from '../lib/models/model.ts'
import { getBundle } from '../lib/store/objects.ts'
import { championOf, readModel } from '../lib/store/registry.ts'
import type { Store } from '../lib/store/store.ts'

/**
 * Makes sure that whoever sends rows to the champion can send them to the plan's model too, and is answered alike.
 * @throws SlipwayError SIGNATURE_BREAKING unless the definition says so by a higher input version
 */
export async function requireSameInputs(
  store: Store,
  { plan, models }: Pick<PlannedPipeline, 'plan' | 'models'>,
): Promise<void> {
  for (const step of plan.steps) {
    if (step.kind !== 'register') continue
    const champion = championOf(await readModel(store, step.model))
    if (champion === undefined) continue
    const { facts } = await getBundle(store, champion, 'model')
    const packaging = plan.steps.find(({ id }) => id === step.package) as StepOf<'package'> | StepOf<'tensors'>
    if (packaging.signature > Number(facts.signature ?? 1)) continue
    const changes = changesOf(facts, plan, packaging, models)
    if (changes.length === 0) continue
    const higher = Number(facts.signature ?? 1) + 1
    throw new SlipwayError(
      'SIGNATURE_BREAKING',
      `breaking change of what the model takes or answers, against the champion of ${step.model}: ${changes.join('; ')}`,
      {
        next:
          packaging.kind === 'tensors'
            ? `keep the tensors as they are, or say inputVersion: ${higher} (slipway register: --input-version ${higher})`
            : `keep the columns, make new ones nullable, or say p.package(model, { inputVersion: ${higher} })`,
      },
    )
  }
}

/** What else is answered where a row has several numbers; classes are known only once a model is trained. */
function otherNumbers(
  before: readonly string[] | undefined,
  after: readonly string[] | undefined,
  task: Task,
): string[] {
  const inWords = (names: readonly string[] | undefined): string => names?.join(', ') ?? 'one number'
  if (task === 'multiclass' || inWords(before) === inWords(after)) return []
  return [`it answered ${inWords(before)} and answers ${inWords(after)}`]
}

function changesOf(
  facts: Bundle['facts'],
  plan: Plan,
  packaging: StepOf<'package'> | StepOf<'tensors'>,
  models: PlannedPipeline['models'],
): string[] {
  if (isOfTensors(facts) !== (packaging.kind === 'tensors'))
    return [isOfTensors(facts) ? 'it took tensors and takes rows' : 'it took rows and takes tensors']
  if (packaging.kind === 'package') {
    const { task, inputs, target } = stepOf(plan, packaging.model, 'train')
    const changes = breakingChanges(RowSchema.parse(facts.inputs), inputs)
    if (facts.task !== task)
      return [...changes, `it was a ${facts.task} task and is a ${task} one, which answers otherwise`]
    return [...changes, ...otherNumbers(ModelFacts.shape.outputs.parse(facts.outputs), targetOutputs(target), task)]
  }
  const onnx = models?.get(packaging.model ?? '')
  return onnx === undefined ? [] : breakingTensorChanges(TensorFacts.parse(facts), factsOf(packaging, onnx))
}
