import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { SlipwayError } from '../../formats/errors.ts'
import type { SageMakerLearner } from '../../formats/sagemaker-learner.ts'
import type { ProgramPlace } from '../../learners/learner.ts'
import { layoutIn } from '../../learners/program/layout.ts'
import { openLog } from '../../learners/program/log.ts'
import type { PackageSource } from '../../models/package.ts'
import { sharedClients } from '../../sagemaker/clients.ts'
import { jobLog } from '../../sagemaker/job-log.ts'
import { sageMakerName } from '../../sagemaker/names.ts'
import { staging } from '../../sagemaker/staging.ts'
import {
  findOrBegin,
  follow,
  isOver,
  requireCompleted,
  stopJob,
  type TrainingJob,
} from '../../sagemaker/training-job.ts'
import { trainingRequest } from '../../sagemaker/training-request.ts'
import { isCancelledForGood, type StepWork } from '../step-work.ts'
import { namingLog, programLog } from './program-place.ts'
import { fetchOutputs, keptOutput, purposeOf, stageInputs } from './sagemaker-files.ts'

/** A training on SageMaker. */
export interface RemoteTraining<T> {
  readonly learner: SageMakerLearner
  readonly work: StepWork
  /** For people: what the job's name begins with. */
  readonly stem: string
  readonly seed: number
  readonly task: string
  /** Writes what the job reads into a place, in a thread. */
  layOut(place: ProgramPlace): Promise<unknown>
  /** Reads what came back. */
  train(place: ProgramPlace): Promise<T>
}

/** Largest log that is kept, bytes; and after which time without an end a job is given up that SageMaker should end. */
const logBytes = 4e6
const slackMs = 600_000

/**
 * Trains on SageMaker: the job's calls are made here, on the side of the activity, for a thread that is ended could
 * stop nothing; rows are written and results read in threads. The job is named by the step's key, so whoever carries
 * the step out after a crash finds it and goes on. It is stopped when its run is cancelled, when it takes longer than
 * it may, and when the step fails for good while it goes on.
 * @throws SlipwayError SAGEMAKER_…, PROGRAM_FAILED, with the log as an artifact
 */
export function trainOnSageMaker<T>(source: PackageSource, training: RemoteTraining<T>): Promise<T> {
  const trained = train(source, training)
  // A cancelled step waits until its job is stopped.
  training.work.onCancel(() => trained.then(() => {}))
  return trained
}

async function train<T>(source: PackageSource, training: RemoteTraining<T>): Promise<T> {
  const { work } = training
  const root = `${work.folder}-program`
  const log = join(work.folder, programLog)
  const going = new Going(source, training)
  try {
    const ran = await going.toEnd({ root, environments: '', log })
    const result = await training.train({ root, environments: '', log, ran })
    work.afterwards(() => going.clear())
    return result
  } catch (error) {
    // Who is tried again finds the job and what it has left.
    if (work.signal.aborted ? !isCancelledForGood(work.signal) : !(error instanceof SlipwayError) || error.retryable)
      throw error
    // What lies there then is another job's.
    if (!(error instanceof SlipwayError && error.code === 'SAGEMAKER_NAME_TAKEN')) await going.giveUp()
    throw await namingLog(source, error, log)
  } finally {
    await rm(root, { recursive: true, force: true, maxRetries: 10 })
  }
}

/** A job from its beginning to its end, however many attempts of ours that takes. */
class Going<T> {
  private readonly clients = sharedClients()
  private readonly source: PackageSource
  private readonly training: RemoteTraining<T>
  private job: TrainingJob | undefined
  /** The job that inputs were sent for, begun or not. */
  private staged: string | undefined

  constructor(source: PackageSource, training: RemoteTraining<T>) {
    this.source = source
    this.training = training
  }

  /** Begins the job or finds it, follows it, and fetches what it left. */
  async toEnd(place: ProgramPlace): Promise<NonNullable<ProgramPlace['ran']>> {
    const { work, learner, stem } = this.training
    const job = await findOrBegin(this.clients, {
      nameOf: (attempt) => sageMakerName(stem, work.key, String(attempt)),
      requestOf: (name) => this.requestOf(name),
      run: work.run,
      stage: (name) => this.stage(name, place),
      isKept: async (name) => (await this.placeOf(name).list()).includes(keptOutput(name)),
    })
    this.job = job
    const name = job.TrainingJobName ?? ''
    await mkdir(place.root, { recursive: true, mode: 0o700 })
    let at = new Date()
    const book = openLog(place.log, logBytes, Object.entries(learner.metrics ?? {}), () => at)
    const lines = jobLog(
      this.clients,
      { group: '/aws/sagemaker/TrainingJobs', job: name },
      (line) => {
        at = new Date(line.at)
        book.take('out', Buffer.from(`${line.text}\n`))
      },
      (why) => book.note(`its log cannot be read: ${why}`),
    )
    let metrics: Record<string, number> = {}
    try {
      const ended = await this.followed(job, lines.read, () => book.lastLine)
      await lines.readToEnd()
      requireCompleted(ended)
      work.progress(`${name}: fetching what it left`, 0.85)
      await fetchOutputs(this.placeOf(name), name, layoutIn(place.root))
      const seconds = (ended.TrainingTimeInSeconds ?? 0) * learner.count
      metrics = book.end()
      return { metrics, seconds }
    } catch (error) {
      book.end()
      throw error
    }
  }

  private async followed(job: TrainingJob, readLog: () => Promise<void>, lastLine: () => string): Promise<TrainingJob> {
    const { work, learner } = this.training
    const { timeoutMs = 0, waitMs = 0 } = learner.job ?? {}
    const name = job.TrainingJobName ?? ''
    const ended = await follow(this.clients, job, {
      signal: work.signal,
      withinMs: timeoutMs + waitMs + slackMs,
      onLook: async (there) => {
        this.job = there
        await readLog()
        const { SecondaryStatus: state, TrainingJobStatus: status } = there
        const what = status === 'InProgress' ? state : `${status} (${state})`
        work.progress(`${name}: ${what}${lastLine() === '' ? '' : `, ${lastLine()}`}`, doneIn[state ?? ''] ?? 0.1)
        requireStarted(there, waitMs)
      },
    })
    if (ended !== undefined) return ended
    throw tooLong(name, `has not ended ${Math.round((timeoutMs + waitMs + slackMs) / 1000)} s after its creation`)
  }

  private requestOf(name: string) {
    const { learner, work, seed, task } = this.training
    return trainingRequest(learner, purposeOf(learner, { work, seed, task, uri: this.placeOf(name).uri }))
  }

  private async stage(name: string, place: ProgramPlace): Promise<void> {
    const { work, learner, layOut } = this.training
    this.staged = name
    await layOut(place)
    work.progress(`${name}: sending what it reads`, 0.05)
    await stageInputs(this.source, learner, layoutIn(place.root), this.placeOf(name))
    await rm(place.root, { recursive: true, force: true })
  }

  private placeOf(name: string) {
    return staging(this.source.store, name)
  }

  /** Stops the job if it goes on, and removes what was staged for it. */
  async giveUp(): Promise<void> {
    if (this.job !== undefined && !isOver(this.job)) {
      const { TrainingJobName: name = '' } = this.job
      await stopJob(this.clients, name)
      await follow(this.clients, { ...this.job, CreationTime: new Date() }, endOf)
    }
    await this.clear()
  }

  /** Removes what was staged for the job. What is left there by a fault costs room, and no result. */
  async clear(): Promise<void> {
    const name = this.job?.TrainingJobName ?? this.staged
    if (name !== undefined) await this.placeOf(name).clear()
  }
}

/** A job that is stopped still uploads what it has: then it can be cleared away. */
const endOf = { signal: new AbortController().signal, withinMs: 300_000, onLook: () => {} }

/** How far a job is, by its state. */
const doneIn: Readonly<Record<string, number>> = { Training: 0.3, Uploading: 0.7, Completed: 0.8 }

/** @throws SlipwayError SAGEMAKER_JOB_LIMIT for a job that has waited for its instances for too long */
function requireStarted(
  { TrainingJobName, CreationTime, TrainingStartTime, SecondaryStatus, ...job }: TrainingJob,
  waitMs: number,
) {
  if (job.TrainingJobStatus !== 'InProgress' || TrainingStartTime !== undefined || CreationTime === undefined) return
  if (Date.now() - CreationTime.getTime() <= waitMs) return
  throw tooLong(TrainingJobName ?? '', `has not begun to train after ${waitMs / 1000} s: it is ${SecondaryStatus}`)
}

const tooLong = (name: string, what: string): SlipwayError =>
  new SlipwayError('SAGEMAKER_JOB_LIMIT', `the training job ${name} ${what}; it was stopped`, {
    next: 'let it wait or run longer (`wait`, `timeout`), or take an instance type that is easier to have',
  })
