import { TableFacts } from '../lib/data/local-table.ts'
import { requirePlannedCode } from '../lib/extensions/plan.ts'
import { brief } from '../lib/formats/brief.ts'
import { fixedIn } from '../lib/formats/sagemaker-tuning.ts'
import { digestsOf, required, type StepOutcome } from '../lib/formats/step-inputs.ts'
import { stepMaterial } from '../lib/formats/step-key.ts'
import { EndedTrial, type TrialOrder, TrialOutcome } from '../lib/formats/tuning.ts'
import { keptTuning } from '../lib/jobs/kept-tuning.ts'
import { searchOnSageMaker } from '../lib/jobs/steps/search-on-sagemaker.ts'
import { layOutSearch, recordTrials, runTrial, TrialFailed, trialMaterial } from '../lib/jobs/steps/tune.ts'
import { getBundle, getJson, putJson } from '../lib/store/objects.ts'
import { findStepRecord, stepKeyOf } from '../lib/store/steps.ts'
import { type ActivityDeps, outcomeOf, runActivity, runIdempotent, runStep, type StepOrder, wholeStep } from './step.ts'

/** A trial that is to be carried out. */
export interface TryOrder extends StepOrder<'tune'> {
  readonly trial: TrialOrder
  /** How many trials the run has under way. */
  readonly atOnce: number
}

/** How a trial ended, as a workflow is told. */
export interface TrialEnd extends Pick<TrialOutcome, 'result' | 'processorSeconds' | 'message'> {
  /** All of it, in the store. */
  readonly kept: string
}

/** What is known of a tuning before a trial begins. */
export interface TuningFound {
  /** What it made; null where it is to be done. */
  readonly outcome: StepOutcome | null
  /** Training rows. */
  readonly rows: number
}

/** The trials of a step that chooses parameters. */
export function createTuningActivities(deps: ActivityDeps) {
  const { store, host } = deps
  return {
    /**
     * Finds what a tuning made, if its record stands.
     * @param order.keep a model: what was chosen for its champion is kept, where that was chosen from the same space
     */
    async findTuning(order: StepOrder<'tune'> & { readonly keep: string | null }): Promise<TuningFound> {
      return runActivity(order.step.id, async () => {
        const step = await wholeStep(deps, order.step)
        requirePlannedCode(step, deps.adapters)
        const { facts } = await getBundle(store, required(order.inputs, 'train').digest, 'table', 'snapshot')
        const { rows } = TableFacts.parse(facts)
        const kept = order.keep === null ? undefined : await keptTuning(store, order.keep, step)
        if (kept !== undefined) return { outcome: kept, rows }
        const stepKey = stepKeyOf(stepMaterial(step, digestsOf(order.inputs), host))
        const record = deps.again?.('tune') === true ? undefined : await findStepRecord(store, stepKey)
        return { outcome: record === undefined ? null : outcomeOf(record, order.run), rows }
      })
    },

    /** Carries out one trial, once, whoever asks. A learner that fails is a result. */
    async trainTrial(order: TryOrder): Promise<TrialEnd> {
      return runActivity(order.step.id, async (context, progress, onCancel) => {
        const step = await wholeStep(deps, order.step)
        requirePlannedCode(step, deps.adapters)
        const work = { ...order, step }
        const given = { run: order.run, material: trialMaterial(work, host), traced: false, onCancel }
        try {
          const { facts } = await runIdempotent(deps, given, context, progress, (own) => runTrial(deps, work, own))
          return endOf(order.trial, TrialOutcome.parse(facts))
        } catch (error) {
          if (error instanceof TrialFailed) return endOf(order.trial, error.outcome)
          throw error
        }
      })
    },

    /** Has SageMaker search, by one tuning job, and writes down what came of it. */
    searchOnSageMaker: (order: StepOrder<'tune'>): Promise<StepOutcome> =>
      runStep(deps, order, (work) => {
        const parameters = fixedIn(work.step.space)
        return searchOnSageMaker(deps, {
          work,
          layOut: (place) => layOutSearch(deps, work, order.inputs, { parameters, place }),
        })
      }),

    /** Writes down all trials and what was chosen of them: one ended well at least. */
    recordTuning: (order: StepOrder<'tune'> & { readonly trials: readonly string[] }): Promise<StepOutcome> =>
      runStep(deps, order, async (work) => {
        const trials: EndedTrial[] = []
        for (const digest of order.trials) trials.push(await getJson(store, digest, EndedTrial))
        const result = await recordTrials(work, trials)
        if (result === undefined) throw new Error('no trial ended well')
        return result
      }),
  }

  /** History holds what decides; the rest of a trial is kept beside. */
  async function endOf(trial: TrialOrder, outcome: TrialOutcome): Promise<TrialEnd> {
    const { digest } = await putJson(store, { ...trial, ...outcome })
    const { result, processorSeconds, message } = outcome
    return { result, processorSeconds, kept: digest, ...(message !== undefined && { message: brief(message, 500) }) }
  }
}
