import type { CreateHyperParameterTuningJobCommandInput } from '@aws-sdk/client-sagemaker'
import type { StepOf } from '../formats/plan.ts'
import type { SageMakerLearner } from '../formats/sagemaker-learner.ts'
import { fixedIn, rangesOf, type SageMakerSearch, searchedIn } from '../formats/sagemaker-tuning.ts'
import type { Budget, Space } from '../formats/tuning.ts'
import { type JobPurpose, trainingRequest } from './training-request.ts'

export type TuningRequest = Omit<CreateHyperParameterTuningJobCommandInput, 'HyperParameterTuningJobName'>

/** A search that SageMaker is to carry out. */
export interface WantedSearch {
  readonly learner: SageMakerLearner
  readonly search: SageMakerSearch
  readonly space: Space
  readonly budget: Budget
  readonly seed: StepOf<'tune'>['seed']
}

/** The longest that a search may take that says no time. */
export const longestSearchMs = 5 * 24 * 3_600_000

/** Seeds there are at least as many as that (an integer). */
const seeds = 2 ** 31

/**
 * The request for a tuning job: the training job that the learner has by itself, with ranges in the place of some
 * hyperparameters. Such jobs take no entry point, so that what is in the image has to start the program: its own entry
 * point by our script, or SageMaker's training toolkit, which is told to run the script. Checkpoints of one trial are
 * none of another's, so that spot instances begin again.
 */
export function tuningRequest(
  { learner, search, space, budget, seed }: WantedSearch,
  purpose: JobPurpose,
): TuningRequest {
  const {
    AlgorithmSpecification,
    HyperParameters = {},
    CheckpointConfig: _,
    Tags,
    ...definition
  } = trainingRequest(learner, purpose)
  const { TrainingImage, TrainingInputMode, MetricDefinitions } = AlgorithmSpecification ?? {}
  const { strategy, objective, atOnce, earlyStopping, resource } = search
  const searched = searchedIn(space)
  const script = purpose.script.lastIndexOf('/')
  return {
    HyperParameterTuningJobConfig: {
      Strategy: strategy,
      ...(resource !== undefined && {
        StrategyConfig: { HyperbandStrategyConfig: { MinResource: resource.least, MaxResource: resource.most } },
      }),
      HyperParameterTuningJobObjective: {
        Type: objective.goal === 'minimize' ? 'Minimize' : 'Maximize',
        MetricName: objective.metric,
      },
      ResourceLimits: {
        MaxNumberOfTrainingJobs: budget.trials,
        MaxParallelTrainingJobs: Math.min(atOnce, budget.trials),
        MaxRuntimeInSeconds: Math.ceil((budget.timeMs ?? longestSearchMs) / 1_000),
      },
      ParameterRanges: rangesOf(space),
      TrainingJobEarlyStoppingType: earlyStopping === true ? 'Auto' : 'Off',
      RandomSeed: seed % seeds,
    },
    TrainingJobDefinition: {
      ...(definition as object),
      AlgorithmSpecification: { TrainingImage, TrainingInputMode, MetricDefinitions },
      StaticHyperParameters: {
        ...Object.fromEntries(Object.entries(HyperParameters).filter(([name]) => !Object.hasOwn(searched, name))),
        ...Object.fromEntries(Object.entries(fixedIn(space)).map(([name, value]) => [name, String(value)])),
        ...(learner.command !== undefined && {
          sagemaker_program: purpose.script.slice(script + 1),
          sagemaker_submit_directory: purpose.script.slice(0, script),
        }),
      },
    } as TuningRequest['TrainingJobDefinition'],
    Tags,
  }
}
