import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { SlipwayError } from '../../formats/errors.ts'
import { showDuration } from '../../formats/show-duration.ts'
import type { PackageSource } from '../../models/package.ts'
import { sharedClients } from '../../sagemaker/clients.ts'
import { type FollowedKind, follow, type JobState } from '../../sagemaker/job-kind.ts'
import { findOrBeginJob, stopJobOf } from '../../sagemaker/jobs.ts'
import { sageMakerName } from '../../sagemaker/names.ts'
import { type Staging, staging } from '../../sagemaker/staging.ts'
import { isCancelledForGood, type StepWork } from '../step-work.ts'
import { openJobBook } from './job-book.ts'
import { askerOf, type MayTrainAgain } from './jobs-again.ts'
import { namingLog, programLog } from './program-place.ts'

/** Work of a step that a job on SageMaker does. */
export interface RemoteWork<Job, Request extends object, Result> {
  readonly kind: FollowedKind<Job, Request>
  readonly work: StepWork
  /** For people: what the job's name begins with. */
  readonly stem: string
  readonly timeoutMs: number
  readonly waitMs: number
  readonly metrics: Readonly<Record<string, string>> | undefined
  requestOf(place: Staging): Request
  /** Brings what the job reads to its place. @param root a folder for it, removed afterwards */
  stage(place: Staging, root: string): Promise<void>
  /** Whether what a job that ended well has left is still there. */
  isKept(place: Staging, job: string): Promise<boolean>
  /** Fetches what it left. @param root an empty folder */
  fetch(place: Staging, job: string, root: string): Promise<void>
  /** Reads what was fetched. */
  read(ended: EndedJob): Promise<Result>
}

/** A job that ended well. */
export interface EndedJob {
  readonly root: string
  readonly log: string
  readonly metrics: Readonly<Record<string, number>>
  /** What its instances took altogether. */
  readonly seconds: number
}

type RemoteSource = PackageSource & MayTrainAgain

/** After which time without an end a job is given up that SageMaker should end. */
const slackMs = 600_000

/**
 * Has a job on SageMaker do work of a step: its calls are made here, on the side of the activity, for a thread that is
 * ended could stop nothing; what it reads is written and what it left is read in threads. The job is named by the
 * step's key, so whoever carries the step out after a crash finds it and goes on. It is stopped when its run is
 * cancelled, when it takes longer than it may, and when the step fails for good while it goes on.
 * @throws SlipwayError SAGEMAKER_…, and what `read` throws, with the log as an artifact
 */
export function onSageMaker<Job, Request extends object, Result>(
  source: RemoteSource,
  remote: RemoteWork<Job, Request, Result>,
): Promise<Result> {
  const done = carryOut(source, remote)
  source.jobsAgain?.begun(done)
  // A cancelled step waits until its job is stopped.
  remote.work.onCancel(() => done.then(() => {}))
  return done
}

async function carryOut<Job, Request extends object, Result>(
  source: RemoteSource,
  remote: RemoteWork<Job, Request, Result>,
): Promise<Result> {
  const { work } = remote
  const root = `${work.folder}-program`
  const log = join(work.folder, programLog)
  const going = new Going(source, remote)
  try {
    const result = await remote.read(await going.toEnd(root, log))
    work.afterwards(() => going.clear())
    return result
  } catch (error) {
    // Who is tried again finds the job and what it has left.
    if (work.signal.aborted ? !isCancelledForGood(work.signal) : !(error instanceof SlipwayError) || error.retryable)
      throw error
    // What lies there then is another job's.
    if (!(error instanceof SlipwayError && error.code === 'SAGEMAKER_NAME_TAKEN')) await going.giveUp()
    // The store of who only compares is gone when the error is read; SageMaker keeps the job's log by its name.
    throw source.jobsAgain === undefined ? await namingLog(source, error, log) : error
  } finally {
    await rm(root, { recursive: true, force: true, maxRetries: 10 })
  }
}

/** A job from its beginning to its end, however many attempts of ours that takes. */
class Going<Job, Request extends object, Result> {
  private readonly clients = sharedClients()
  private readonly source: RemoteSource
  private readonly remote: RemoteWork<Job, Request, Result>
  private state: JobState | undefined
  /** The job that inputs were sent for, begun or not. */
  private staged: string | undefined

  constructor(source: RemoteSource, remote: RemoteWork<Job, Request, Result>) {
    this.source = source
    this.remote = remote
  }

  /** Begins the job or finds it, follows it, and fetches what it left. */
  async toEnd(root: string, log: string): Promise<EndedJob> {
    const { work, kind, stem, metrics } = this.remote
    const ending = this.source.jobsAgain === undefined ? '' : 'verify-'
    const job = await findOrBeginJob(this.clients, kind, {
      nameOf: (attempt) => sageMakerName(stem, work.key, `${ending}${attempt}`),
      requestOf: (name) => this.remote.requestOf(this.placeOf(name)),
      run: askerOf(this.source, work),
      stage: async (name) => {
        this.staged = name
        work.progress(`${name}: sending what it reads`, 0.05)
        await this.remote.stage(this.placeOf(name), root)
        await rm(root, { recursive: true, force: true })
      },
      isKept: (name) => this.remote.isKept(this.placeOf(name), name),
    })
    this.state = kind.stateOf(job)
    const { name } = this.state
    await mkdir(root, { recursive: true, mode: 0o700 })
    const { book, lines } = openJobBook(this.clients, { group: kind.logGroup, job: name }, log, metrics)
    try {
      const ended = await this.followed(this.state, lines.read, () => book.lastLine)
      await lines.readToEnd()
      kind.requireCompleted(ended)
      work.progress(`${name}: fetching what it left`, 0.85)
      await this.remote.fetch(this.placeOf(name), name, root)
      return { root, log, metrics: book.end(), seconds: kind.stateOf(ended).seconds }
    } catch (error) {
      book.end()
      throw error
    }
  }

  private async followed(job: JobState, readLog: () => Promise<void>, lastLine: () => string): Promise<Job> {
    const { work, kind, timeoutMs, waitMs } = this.remote
    const ended = await follow(kind, this.clients, job, {
      signal: work.signal,
      withinMs: timeoutMs + waitMs + slackMs,
      onLook: async (there) => {
        const state = kind.stateOf(there)
        this.state = state
        await readLog()
        work.progress(`${job.name}: ${state.words}${lastLine() === '' ? '' : `, ${lastLine()}`}`, state.done)
        this.requireStarted(state)
      },
    })
    if (ended !== undefined) return ended
    throw this.tooLong(`has not ended ${Math.round((timeoutMs + waitMs + slackMs) / 1000)} s after its creation`)
  }

  /** @throws SlipwayError SAGEMAKER_JOB_LIMIT for a job that has waited for its instances for too long */
  private requireStarted({ status, createdAt, startedAt, words }: JobState): void {
    const { kind, waitMs } = this.remote
    if (status !== 'InProgress' || startedAt !== undefined || createdAt === undefined) return
    if (Date.now() - createdAt.getTime() <= waitMs) return
    throw this.tooLong(`has not begun to ${kind.verb} after ${showDuration(waitMs)}: it is ${words}`)
  }

  private tooLong(what: string): SlipwayError {
    return new SlipwayError(
      'SAGEMAKER_JOB_LIMIT',
      `the ${this.remote.kind.called} ${this.state?.name} ${what}; it was stopped`,
      { next: 'let it wait or run longer (`wait`, `timeout`), or take an instance type that is easier to have' },
    )
  }

  private placeOf(name: string): Staging {
    return staging((this.source.jobsAgain ?? this.source).store, name)
  }

  /** Stops the job if it goes on, and removes what was staged for it. */
  async giveUp(): Promise<void> {
    if (this.state !== undefined && isGoing(this.state)) {
      const { name } = this.state
      await stopJobOf(this.clients, this.remote.kind, name)
      await follow(this.remote.kind, this.clients, { name, createdAt: new Date() }, endOf)
    }
    await this.clear()
  }

  /** Removes what was staged for the job. What is left there by a fault costs room, and no result. */
  async clear(): Promise<void> {
    const name = this.state?.name ?? this.staged
    if (name !== undefined) await this.placeOf(name).clear()
  }
}

const isGoing = ({ status }: JobState): boolean => status === 'InProgress' || status === 'Stopping'
/** A job that is stopped still uploads what it has: then it can be cleared away. */
const endOf = { signal: new AbortController().signal, withinMs: 300_000, onLook: () => {} }
