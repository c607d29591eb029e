import { SlipwayError } from '../formats/errors.ts'
import { Plan, type Step } from '../formats/plan.ts'
import { branchOf } from '../formats/step-id.ts'
import { nameOfStep, numberedId, settleIds } from '../formats/step-names.ts'
import type { Builder, PipelineOptions } from './builder.ts'
import { withDefaultGates } from './default-gate.ts'
import { add, modelOf, type Place, type Recording, startRecording } from './recording.ts'
import { backtest } from './verbs/backtest.ts'
import { snapshot, split, validate } from './verbs/data.ts'
import { join, step, table } from './verbs/derived.ts'
import { each } from './verbs/each.ts'
import { feature } from './verbs/feature.ts'
import { gate, packageModel, train } from './verbs/model.ts'
import { approve, batch, deploy, mirror, monitor } from './verbs/release.ts'
import { tensors } from './verbs/tensors.ts'

/**
 * Has a pipeline's function record its steps, and makes the plan of them.
 * @throws SlipwayError DEFINITION_INVALID
 */
export function compilePlan(
  pipeline: string,
  { parallel }: PipelineOptions,
  define: (p: Builder) => void,
  codeOf: Recording['codeOf'],
): Plan {
  const recording = startRecording(pipeline, codeOf)
  define(builderAt({ recording, branch: '' }))
  const recorded = wholePlan(recording)
  const limit = parallel === undefined ? {} : { parallel }
  return requirePlan({ slipway: 'plan/1', pipeline, ...limit, steps: settleIds(recorded) }, recorded)
}

const builderAt = (at: Place): Builder => ({
  snapshot: snapshot(at),
  validate: validate(at),
  table: table(at),
  feature: feature(at),
  join: join(at),
  step: step(at),
  split: split(at),
  train: train(at),
  package: packageModel(at),
  tensors: tensors(at),
  gate: gate(at),
  mirror: mirror(at),
  approve: approve(at),
  deploy: deploy(at),
  monitor: monitor(at),
  batch: batch(at),
  backtest: backtest(at),
  each: each(at, builderAt),
})

/** What was recorded, with what follows from it, in an order in which it can run. */
function wholePlan(recording: Recording): Step[] {
  const { pipeline, uncompared, unregistered, last } = recording
  const judged = withDefaultGates(recording.steps, new Set([...uncompared, ...unregistered]), pipeline)
  const whole: Recording = {
    ...recording,
    steps: judged.filter((step) => step.kind !== 'gate' || step.must.length > 0),
  }
  // Whatever is registered has passed, the never-worse gate included; people are asked before.
  for (const step of last.guard) add(whole, step)
  const at: Place = { recording: whole, branch: '' }
  for (const { id, kind } of recording.steps) {
    if ((kind !== 'package' && kind !== 'tensors') || unregistered.has(id)) continue
    const registered = numberedId(whole.steps, 'register', branchOf(id))
    add(whole, { id: registered, kind: 'register', package: id, model: modelOf(at, id) })
  }
  // What is served is what is registered.
  for (const step of [...last.deploy, ...last.monitor, ...last.batch]) add(whole, step)
  return whole.steps
}

/**
 * @param recorded the steps with the ids they were recorded under: by them their places in the definition are known
 * @throws SlipwayError DEFINITION_INVALID, with the step it is about
 */
function requirePlan(made: Plan, recorded: readonly Step[]): Plan {
  const parsed = Plan.safeParse(made)
  if (parsed.success) return parsed.data
  const { pipeline } = made
  const issue = parsed.error.issues[0]
  const [first, index, ...field] = issue?.path ?? []
  const step = first === 'steps' && index !== undefined ? recorded[Number(index)] : undefined
  const where = step === undefined ? issue?.path.join('.') : `step "${nameOfStep(step)}", ${field.join('.')}`
  throw new SlipwayError('DEFINITION_INVALID', `pipeline "${pipeline}", ${where}: ${issue?.message}`, {
    next: 'correct the definition',
    step: step?.id,
  })
}
