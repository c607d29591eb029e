import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { mediaTypes } from '../../formats/artifact.ts'
import { canonicalJson } from '../../formats/canonical.ts'
import { SlipwayError } from '../../formats/errors.ts'
import { withParameters } from '../../formats/learner.ts'
import type { SageMakerLearner } from '../../formats/sagemaker-learner.ts'
import { fixedIn, type SageMakerSearch, searchedIn, type TrainedByTrial } from '../../formats/sagemaker-tuning.ts'
import { comparedBy, type EndedTrial, lossOf } from '../../formats/tuning.ts'
import type { ProgramPlace } from '../../learners/learner.ts'
import { layoutIn } from '../../learners/program/layout.ts'
import type { PackageSource } from '../../models/package.ts'
import { sharedClients } from '../../sagemaker/clients.ts'
import { sageMakerName } from '../../sagemaker/names.ts'
import { staging } from '../../sagemaker/staging.ts'
import {
  findOrBeginSearch,
  followSearch,
  isSearchOver,
  jobsOfSearch,
  longestName,
  requireSearched,
  searchInWords,
  stopSearch,
  type TuningJob,
  trialOf,
} from '../../sagemaker/tuning-job.ts'
import { longestSearchMs, tuningRequest } from '../../sagemaker/tuning-request.ts'
import { allFailedInWords, whereAllFail } from '../../stats/tuning/stand.ts'
import { isCancelledForGood, type StepResult, type WorkOn } from '../step-work.ts'
import { openJobBook } from './job-book.ts'
import { namingLog, programLog } from './program-place.ts'
import { fetchArchives, purposeOf, stageInputs } from './sagemaker-files.ts'
import { recordTrials } from './tune.ts'

/** After which time without an end a search is given up that SageMaker should end, ms. */
const slackMs = 600_000
/** How long a search that is stopped may take to stop its jobs, which still upload what they have, ms. */
const stopsWithinMs = 300_000

/** A search on SageMaker. */
export interface Search {
  readonly work: WorkOn<'tune'>
  /** Writes what its jobs read into a place, in a thread. */
  layOut(place: ProgramPlace): Promise<unknown>
}

/**
 * Has SageMaker search: one tuning job, named by the step's key, so whoever carries the step out after a crash finds it
 * and goes on. All its training jobs are trials; of the best, by our own rule, what it has left is kept for the step
 * that trains. The search is stopped when its run is cancelled, when it takes longer than it may, and when the step
 * fails for good while it goes on.
 * @throws SlipwayError SAGEMAKER_…, with the log of a job as an artifact
 */
export function searchOnSageMaker(source: PackageSource, search: Search): Promise<StepResult> {
  const { work } = search
  const searched = searchFor(new Searching(source, search), source, work)
  // A cancelled step waits until its search is stopped.
  work.onCancel(() => searched.then(() => {}))
  return searched
}

async function searchFor(going: Searching, source: PackageSource, work: WorkOn<'tune'>): Promise<StepResult> {
  try {
    const result = await going.toEnd()
    work.afterwards(() => going.clear())
    return result
  } catch (error) {
    // Who is tried again finds the search and what it has left.
    if (work.signal.aborted ? !isCancelledForGood(work.signal) : !(error instanceof SlipwayError) || error.retryable)
      throw error
    // What lies there then is another's.
    if (!(error instanceof SlipwayError && error.code === 'SAGEMAKER_NAME_TAKEN')) await going.giveUp()
    throw await namingLog(source, error, join(work.folder, programLog))
  } finally {
    await rm(going.place.root, { recursive: true, force: true, maxRetries: 10 })
  }
}

/** A search from its beginning to its end, however many attempts of ours that takes. */
class Searching {
  readonly place: ProgramPlace
  private readonly clients = sharedClients()
  private readonly source: PackageSource
  private readonly work: WorkOn<'tune'>
  private readonly layOut: Search['layOut']
  private readonly learner: SageMakerLearner
  private readonly search: SageMakerSearch
  private job: TuningJob | undefined
  /** The search that inputs were sent for, begun or not. */
  private staged: string | undefined

  constructor(source: PackageSource, { work, layOut }: Search) {
    const { search, learner, space } = work.step
    if (search === undefined || learner.kind !== 'sagemaker') throw new Error('SageMaker is not asked to search')
    this.source = source
    this.work = work
    this.layOut = layOut
    this.search = search
    this.learner = withParameters(learner, fixedIn(space)) as SageMakerLearner
    this.place = { root: `${work.folder}-program`, environments: '', log: '', tuned: searchedIn(space) }
  }

  /** Begins the search or finds it, follows it, and writes down what came of it. */
  async toEnd(): Promise<StepResult> {
    const { clients, work, learner, search } = this
    const { budget, space, seed, task, target, id } = work.step
    const job = await findOrBeginSearch(clients, {
      nameOf: (attempt) => sageMakerName(id.replace(/^tune-/, ''), work.key, String(attempt), longestName),
      requestOf: (name) =>
        tuningRequest(
          { learner, search, space, budget, seed },
          purposeOf(learner, { work, seed, task, uri: this.placeOf(name).uri }),
        ),
      run: work.run,
      stage: (name) => this.stage(name),
      isKept: async (name) => (await this.placeOf(name).list()).some((file) => file.endsWith('/model.tar.gz')),
    })
    this.job = job
    const name = job.HyperParameterTuningJobName ?? ''
    const ended = await this.followed(job, name)
    const jobs = await jobsOfSearch(clients, name)
    const by = { space, loss: lossOf(task, target, learner), objective: search.objective, count: learner.count }
    const trials = jobs
      .filter(({ TrainingJobStatus: status }) => status !== 'InProgress')
      .map((each, i) => trialOf(each, i + 1, by))
    if (!trials.some(({ result }) => result.state === 'done')) await this.refuse(trials, ended)
    requireSearched(ended, { timeMs: budget.timeMs })
    const theirs = trials.find((trial) => trial.job === ended.BestTrainingJob?.TrainingJobName)?.number
    return this.record(name, trials, theirs)
  }

  private async followed(job: TuningJob, name: string): Promise<TuningJob> {
    const { clients, work, search } = this
    const { trials, timeMs } = work.step.budget
    const withinMs = (timeMs ?? longestSearchMs) + slackMs
    const ended = await followSearch(clients, name, {
      signal: work.signal,
      until: (job.CreationTime?.getTime() ?? Date.now()) + withinMs,
      onLook: (there) => {
        this.job = there
        const { words, done } = searchInWords(there, { trials, objective: search.objective })
        work.progress(`${name}: ${words}`, 0.05 + 0.85 * done)
      },
    })
    if (ended !== undefined) return ended
    await stopSearch(clients, name)
    const stopped = await followSearch(clients, name, { signal: work.signal, until: Date.now() + stopsWithinMs })
    // What was tried within the time counts.
    if (stopped !== undefined && timeMs !== undefined) return stopped
    throw new SlipwayError(
      'SAGEMAKER_JOB_LIMIT',
      `the tuning job ${name} has not ended ${Math.round(withinMs / 1_000)} s after its creation; it was stopped`,
      { next: 'say a budget that it keeps: fewer trials, or a time' },
    )
  }

  /** All that was tried failed: the log of the first is kept, and its reason told. @throws SlipwayError */
  private async refuse(trials: readonly EndedTrial[], ended: TuningJob): Promise<never> {
    const [first] = trials
    // Nothing was begun, or somebody ended it before anything could fail by itself: that is what there is to tell.
    if (first === undefined || ended.HyperParameterTuningJobStatus === 'Stopped') requireSearched(ended, {})
    const name = `the tuning job ${ended.HyperParameterTuningJobName}`
    if (first?.result.state !== 'failed')
      throw new SlipwayError('SAGEMAKER_JOB_FAILED', `${name} ended without a training job`, { next: whereAllFail })
    await this.readLog(first.job ?? '')
    const why = `${first.job}: ${first.message}`
    throw new SlipwayError('SAGEMAKER_JOB_FAILED', `${name}: ${allFailedInWords(trials.length, why)}`, {
      next: whereAllFail,
    })
  }

  /** Writes down all trials, and fetches what the best of them left. */
  private async record(name: string, trials: readonly EndedTrial[], theirs: number | undefined): Promise<StepResult> {
    const { work, search } = this
    const recorded = await recordTrials(work, trials, { objective: search.objective, theirs })
    if (recorded === undefined) throw new Error('no trial ended well')
    const best = trials.find(({ number }) => number === recorded.chosen)
    const job = best?.job ?? ''
    work.progress(`${name}: fetching what ${job} left`, 0.95)
    const archives = await fetchArchives(this.placeOf(name), job, work.folder)
    const metrics = await this.readLog(job)
    const model = await work.output('trained-model', archives.model, 'application/gzip')
    const { output: kept } = archives
    const output = kept === undefined ? undefined : await work.output('trained-output', kept, 'application/gzip')
    const log = await work.output('log', programLog, mediaTypes.text)
    const trained: TrainedByTrial = {
      slipway: 'trained/1',
      job: {
        name: job,
        model: model.digest,
        ...(output !== undefined && { output: output.digest }),
        log: log.digest,
        metrics,
        seconds: best?.processorSeconds ?? 0,
      },
    }
    await writeFile(join(work.folder, 'trained.json'), canonicalJson(trained))
    return {
      outputs: [
        ...recorded.outputs,
        await work.output('trained', 'trained.json', mediaTypes.json),
        model,
        ...(output === undefined ? [] : [output]),
        log,
      ],
      facts: {
        ...recorded.facts,
        objective: search.objective.metric,
        value: comparedBy({ loss: 'logLoss', objective: search.objective }).shown(Number(recorded.facts.value)),
        ...(theirs !== undefined && theirs !== recorded.chosen && { theirs }),
      },
    }
  }

  /** Reads the log of a training job into the step's. @returns the metrics in it */
  private async readLog(job: string): Promise<Record<string, number>> {
    const where = { group: '/aws/sagemaker/TrainingJobs', job }
    const { book, lines } = openJobBook(this.clients, where, join(this.work.folder, programLog), this.learner.metrics)
    await lines.readToEnd()
    return book.end()
  }

  private async stage(name: string): Promise<void> {
    const { source, work, layOut, place, learner } = this
    this.staged = name
    await layOut(place)
    work.progress(`${name}: sending what its jobs read`, 0.05)
    await stageInputs(source, learner, layoutIn(place.root), this.placeOf(name))
    await rm(place.root, { recursive: true, force: true })
  }

  private placeOf(name: string) {
    return staging(this.source.store, name)
  }

  /** Stops the search if it goes on, and removes what was staged for it. */
  async giveUp(): Promise<void> {
    if (this.job !== undefined && !isSearchOver(this.job)) {
      const { HyperParameterTuningJobName: name = '' } = this.job
      await stopSearch(this.clients, name)
      const never = new AbortController().signal
      await followSearch(this.clients, name, { signal: never, until: Date.now() + stopsWithinMs })
    }
    await this.clear()
  }

  /** Removes what was staged. What is left there by a fault costs room, and no result. */
  async clear(): Promise<void> {
    const name = this.job?.HyperParameterTuningJobName ?? this.staged
    if (name !== undefined) await this.placeOf(name).clear()
  }
}
