import { readFile } from 'node:fs/promises'
import type { Numbers } from '../../lib/formats/columns.ts'
import type { ModelVersion } from '../../lib/formats/route.ts'
import type { TensorFacts, Tensors } from '../../lib/formats/tensors.ts'
import type { Engine } from '../../lib/models/compiled-model.ts'
import { emptyInputs } from '../../lib/models/tensors/answer.ts'
import type { LocalTensorModel } from '../../lib/models/tensors/session.ts'
import type { Profile } from '../../lib/stats/profile.ts'
import { primaryOf } from '../../lib/stats/tensor-summary.ts'
import type { Packed } from '../bodies/packed.ts'
import type { Scorer } from '../scorer.ts'
import { startTensorThread } from '../scorer-host.ts'
import type { ScoringFailure } from '../scoring.ts'

/** What a model of tensors answers, and the number of each item that stands for it in telemetry. */
export interface TensorAnswer {
  readonly outputs: Tensors
  readonly scores: Numbers
}

export const engine: Engine = { name: 'onnxruntime', reason: 'it is a model of tensors' }

/**
 * One loaded version of tensors. It answers in a thread of its own always: nobody knows how large such a model is, and
 * requests are joined into no batch, for the last bits of sums may depend on how many items are summed at once.
 */
export interface TensorScorer extends Pick<Scorer, 'modelVersion' | 'baseline' | 'engine' | 'takeProfile' | 'close'> {
  readonly facts: TensorFacts
  /** @throws ScoringFailure */
  answer(tensors: Tensors | Packed<Tensors>): Promise<TensorAnswer>
}

/**
 * Loads and warms a version.
 * @param note hears of every failure of the model
 * @throws SlipwayError DIGEST_MISMATCH when it cannot be loaded
 */
export async function loadTensorScorer(
  modelVersion: ModelVersion,
  local: LocalTensorModel,
  note: (failure: ScoringFailure) => void = () => {},
): Promise<TensorScorer> {
  const { facts } = local
  const profile = JSON.parse(await readFile(local.baselineFile, 'utf8')) as Profile
  const thread = await startTensorThread(modelVersion, local, note)
  // What is made up here may be nothing that the model knows what to do with.
  await thread.answer(emptyInputs(facts), false).catch(() => {})
  return {
    modelVersion,
    facts,
    baseline: withScores(profile),
    engine,
    answer: (tensors) => thread.answer(tensors, true),
    takeProfile: thread.takeProfile,
    close: thread.close,
  }
}

/** A profile in which what stands for an answer is called as the scores of other models are: rollouts compare those. */
function withScores(profile: Profile): Profile {
  const scores = profile[primaryOf(profile) ?? '']
  return scores === undefined ? profile : { ...profile, 'score:': scores }
}
