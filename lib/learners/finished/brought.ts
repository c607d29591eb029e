import { SlipwayError } from '../../formats/errors.ts'
import type { OnnxLearner } from '../../formats/learner.ts'

/**
 * The error of a model that cannot be served.
 * @param next what to do about it where a definition names the model
 * @param inProgram what to do where a program exports it, if that is something else
 */
export type Refuse = (what: string, next: string, inProgram?: string) => SlipwayError

/** A finished model as it is brought: what is said of it, and how it is refused. */
export interface Brought extends Pick<OnnxLearner, 'inputs' | 'output' | 'class' | 'classes'> {
  readonly refuse: Refuse
  /** It was trained on numbers in float32: those it is served, also where it takes float64. */
  readonly float32?: true
  /** It was given classes as their places: so it may name them, and their order is not its own. */
  readonly classPlaces?: true
}

/** A file that a definition or a command names. Its refusals are MODEL_INVALID. */
export const byDefinition = ({ file, ...said }: OnnxLearner): Brought => ({
  ...said,
  refuse: (what, next) => new SlipwayError('MODEL_INVALID', `${file}: ${what}`, { next }),
})

/** The file that a program has left. Its refusals are PROGRAM_FAILED. */
export const byProgram: Brought = {
  float32: true,
  classPlaces: true,
  refuse: (what, next, inProgram = next) =>
    new SlipwayError('PROGRAM_FAILED', `model.onnx: ${what}`, { next: inProgram }),
}
