import { mediaTypes, type Output } from '../formats/artifact.ts'
import type { StepOf } from '../formats/plan.ts'
import type { TrainedByTrial } from '../formats/sagemaker-tuning.ts'
import type { StepOutcome } from '../formats/step-inputs.ts'
import { Tuning } from '../formats/tuning.ts'
import { modelFiles } from '../models/model.ts'
import { getBundle, getJson, putJson } from '../store/objects.ts'
import { championOf, readModel } from '../store/registry.ts'
import type { Store } from '../store/store.ts'

/**
 * What was chosen for the champion of a model, as the outcome of a tuning that it is kept for. Undefined where there is
 * none, or where it was chosen from another space, so that this one's definition has changed.
 */
export async function keptTuning(
  store: Store,
  model: string,
  { space, search }: Pick<StepOf<'tune'>, 'space' | 'search'>,
): Promise<StepOutcome | undefined> {
  const state = await readModel(store, model)
  const champion = championOf(state)
  if (state === undefined || champion === undefined) return undefined
  const { files } = await getBundle(store, champion, 'model')
  const file = files[modelFiles.tuning]
  if (file === undefined) return undefined
  const tuning = await getJson(store, file.digest, Tuning)
  if (namesOf(tuning.space) !== namesOf(space)) return undefined
  const trial = tuning.trials.find(({ number }) => number === tuning.chosen)
  if (trial?.result.state !== 'done') return undefined
  const { parameters } = trial
  const chosen: Output = { name: 'chosen', ...(await putJson(store, parameters)), mediaType: mediaTypes.json }
  const untrained: TrainedByTrial = { slipway: 'trained/1', job: null }
  const trained = search && { name: 'trained', ...(await putJson(store, untrained)), mediaType: mediaTypes.json }
  const kept = `${model} version ${state.versions.indexOf(champion) + 1}`
  return {
    // No step made it: it has no key.
    stepKey: '',
    cached: true,
    outputs: [chosen, { name: 'trials', ...file }, ...(trained === undefined ? [] : [trained])],
    facts: { kept, trials: tuning.trials.length, loss: tuning.loss, value: trial.result.loss, parameters },
  }
}

const namesOf = (space: Tuning['space']): string => Object.keys(space).sort().join(' ')
