import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ApplicationFailure, Context } from '@temporalio/activity'
import { type Client, ServiceError } from '@temporalio/client'
import { withStoredPlace } from '../lib/code/source-map.ts'
import type { Adapters } from '../lib/extensions/adapters.ts'
import { mediaTypes } from '../lib/formats/artifact.ts'
import { brief } from '../lib/formats/brief.ts'
import { SlipwayError, withoutFull } from '../lib/formats/errors.ts'
import { machineFull } from '../lib/formats/machine-full.ts'
import type { StepKind, StepOf } from '../lib/formats/plan.ts'
import type { StepRef } from '../lib/formats/plan-outline.ts'
import { digestsOf, type StepInputs, type StepOutcome, stepOf } from '../lib/formats/step-inputs.ts'
import { type HostVersions, type StepMaterial, stepMaterial } from '../lib/formats/step-key.ts'
import { findKind } from '../lib/formats/step-kinds/index.ts'
import type { Progress, StepResult, StepWork, WorkOn } from '../lib/jobs/step-work.ts'
import type { JobsAgain } from '../lib/jobs/steps/jobs-again.ts'
import { leaseOrResult } from '../lib/store/leases.ts'
import { putFile } from '../lib/store/objects.ts'
import { getPlan } from '../lib/store/plans.ts'
import type { Signer, TrustedKeys } from '../lib/store/signing.ts'
import { findStepRecord, publishStepRecord, type StepRecord, stepKeyOf } from '../lib/store/steps.ts'
import type { Store } from '../lib/store/store.ts'
import type { AlertTarget } from './alert.ts'
import { runJob } from './jobs.ts'

/** What activities need from the process that hosts them. */
export interface ActivityDeps {
  readonly store: Store
  /** Signs model packages; undefined leaves them unsigned. */
  readonly signer: Signer | undefined
  readonly trusted: TrustedKeys
  readonly host: HostVersions
  /** To ask the workflows that own refs. */
  readonly client: Client
  /** Folder below which sources of retrainings and batches may be read; undefined where none may. */
  readonly sources: string | undefined
  /** Folder below which batches may write; undefined where none may. */
  readonly outputs: string | undefined
  /** The project whose `slipway.config.ts` adds adapters, and those. */
  readonly root: string
  readonly adapters: Adapters
  /** Shards scored at once. */
  readonly scoringThreads: number
  /** Where alerts go; undefined tells nobody. */
  readonly alerts: AlertTarget | undefined
  /** The console's address, where somebody knows it: it may start after those who ask. */
  readonly console?: () => string | undefined
  /** Folder for the files of steps that are running. */
  readonly scratch: string
  /** Runs jobs; in threads by default. */
  readonly runJob?: typeof runJob
  /** Whether a step is carried out though its record stands, to be watched. Its record stays. */
  readonly again?: (step: string) => boolean
  /** Where trainings on SageMaker are done again, to compare. */
  readonly jobsAgain?: JobsAgain
}

/** A step of a plan in the store; workflows of 0.6 and before send the step itself. */
export type StepGiven<Kind extends StepKind = StepKind> = StepRef<Kind> | StepOf<Kind>

/** A step to carry out. */
export interface StepOrder<Kind extends StepKind = StepKind> {
  readonly run: string
  readonly step: StepGiven<Kind>
  readonly inputs: StepInputs
}

/** A step, read from its plan. */
export async function wholeStep<Kind extends StepKind>(
  { store }: Pick<ActivityDeps, 'store'>,
  step: StepGiven<Kind>,
): Promise<StepOf<Kind>> {
  return 'plan' in step ? stepOf(await getPlan(store, step.plan), step.id, step.kind) : step
}

/** Attempts after which an error that nobody foresaw is taken for a fault of the step, not of its surroundings. */
const patience = 4

/**
 * Carries out a step so that doing it twice is doing it once: if a record under the step's key stands and its artifacts
 * are there, that is the answer. Otherwise the work runs in a scratch folder, stores its outputs by digest, and
 * publishes the record create-only; of two attempts at once, both return the winner's. A crash leaves at most unnamed
 * bytes. Heartbeats carry the progress; cancellation stops the work.
 * @param extraKeys what the result depends on besides the inputs: names and digests or keys
 */
export async function runStep<Kind extends StepKind>(
  deps: ActivityDeps,
  order: StepOrder<Kind>,
  work: (context: WorkOn<Kind>) => Promise<StepResult>,
  extraKeys: Readonly<Record<string, string>> = {},
): Promise<StepOutcome> {
  return runActivity(order.step.id, async (context, progress, onCancel) => {
    const step = await wholeStep(deps, order.step)
    const inputs = { ...digestsOf(order.inputs), ...extraKeys }
    const material = stepMaterial(step, inputs, deps.host)
    return runIdempotent(deps, { run: order.run, material, onCancel }, context, progress, (context) =>
      // Not a copy: that would ask for the folder.
      work(Object.assign(context, { step })),
    )
  })
}

/** Work that is asked for. */
interface Asked {
  readonly run: string
  readonly material: StepMaterial
  readonly traced?: boolean
  readonly onCancel?: StepWork['onCancel'] | undefined
}

/** The heart of `runStep`, for work that has a step key and is no step of a plan. */
export async function runIdempotent(
  deps: ActivityDeps,
  { run, material, traced, onCancel = () => {} }: Asked,
  context: Context,
  progress: Progress,
  work: (context: StepWork) => Promise<StepResult>,
): Promise<StepOutcome> {
  const stepKey = stepKeyOf(material)
  const find = async () =>
    deps.again?.(material.step) === true ? undefined : await findStepRecord(deps.store, stepKey)
  const known = await find()
  if (known !== undefined) return outcomeOf(known, run)

  const lease = isWorthWaitingFor(material.step)
    ? await leaseOrResult(deps.store, {
        work: stepKey,
        holder: run,
        result: find,
        onWait: (other) => progress(`waits for run ${other}, which does the same`, 0),
        signal: context.cancellationSignal,
      })
    : { release: async () => {} }
  if ('result' in lease) return outcomeOf(lease.result, run)
  let folder: string | undefined
  const later: (() => Promise<void>)[] = []
  const makeFolder = () => {
    folder ??= mkdtempSync(join(deps.scratch, `${material.step}-`))
    return folder
  }
  try {
    const { outputs, facts } = await work({
      key: stepKey,
      run,
      onCancel,
      afterwards: (each) => void later.push(each),
      get folder() {
        return makeFolder()
      },
      signal: context.cancellationSignal,
      progress,
      output: async (name, file, mediaType = mediaTypes.binary) => ({
        name,
        ...(await putFile(deps.store, join(makeFolder(), file), mediaType)),
      }),
      job: jobsOf(deps, context, progress),
    })
    const record = await publishStepRecord(
      deps.store,
      { stepKey, material, outputs: [...outputs], facts: facts as never, run },
      traced,
    )
    await Promise.allSettled(later.map((each) => each()))
    return { stepKey, cached: false, outputs: record.outputs, facts: record.facts }
  } catch (error) {
    throw machineFull(error, deps.scratch) ?? error
  } finally {
    await Promise.all([
      folder === undefined ? undefined : rm(folder, { recursive: true, force: true }),
      lease.release(),
    ])
  }
}

/** Runs jobs for an activity: stopped with it, and errors of user code with their place in its sources. */
export const jobsOf =
  (deps: Pick<ActivityDeps, 'store' | 'runJob'>, context: Context, progress: Progress): StepWork['job'] =>
  (name, order) =>
    (deps.runJob ?? runJob)(name, order, progress, context.cancellationSignal).catch(async (error) => {
      throw await withStoredPlace(deps.store, error)
    })

/**
 * Of two runs that come to the same work at once, one works and the other takes its record; trees are proven for
 * whoever packages them.
 */
const isWorthWaitingFor = (work: string): boolean => work === 'kernel' || findKind(work)?.isLeased === true

/** What a record says, to a run. */
export const outcomeOf = (record: StepRecord, run: string): StepOutcome => ({
  stepKey: record.stepKey,
  cached: record.run !== run,
  outputs: record.outputs,
  facts: record.facts,
})

/**
 * Runs an activity's body with a heartbeat twice a second, which carries its progress, and turns what it throws into
 * failures that say the right thing to Temporal. A cancellation ends it at once, also where the body does not listen:
 * that ends by itself, and clears its scratch folder away; what it still publishes is what anybody would have
 * published.
 */
export async function runActivity<T>(
  stepId: string,
  body: (context: Context, progress: Progress, onCancel: StepWork['onCancel']) => Promise<T>,
): Promise<T> {
  const ends: (() => Promise<void>)[] = []
  const context = Context.current()
  let heartbeat = { step: stepId, what: 'starting', done: 0 }
  const pulse = setInterval(() => context.heartbeat(heartbeat), 500)
  try {
    const show = (what: string, done: number): void => {
      heartbeat = { step: stepId, what, done }
    }
    const work = body(context, show, (end) => void ends.push(end))
    return await Promise.race([work, context.cancelled])
  } catch (error) {
    // Cancelled work has nothing to report but that; what it began elsewhere is ended first.
    if (context.cancellationSignal.aborted) {
      await Promise.race([Promise.allSettled(ends.map((end) => end())), sleep(endsWithinMs, undefined, { ref: false })])
      throw context.cancellationSignal.reason
    }
    throw failureOf(error, stepId, context.info.attempt)
  } finally {
    clearInterval(pulse)
  }
}

/** How long ending what a cancelled step began elsewhere may take. */
const endsWithinMs = 30_000

/** gRPC's statuses of a server that is not there, that has too much to do, or whose answer did not come. */
const passing: readonly unknown[] = [14, 8, 4]

function temporalAway(error: unknown): SlipwayError | undefined {
  if (!(error instanceof ServiceError)) return undefined
  const { code, details } = (error.cause ?? {}) as { code?: unknown; details?: unknown }
  if (!passing.includes(code)) return undefined
  return new SlipwayError(
    'TEMPORAL_UNREACHABLE',
    `Temporal does not answer: ${details ?? error.message}`,
    {},
    { cause: error },
  )
}

/** Attempts after which memory that is still not there counts as too little of it for this step. */
const memoryPatience = 12

const thrownBy = new WeakMap<object, unknown>()

/** What an activity's body threw, with the values that its failure lacks; the failure itself where nobody knows. */
export const thrownAs = (failure: unknown): unknown => thrownBy.get(failure as object) ?? failure

/** A failure for the history and the worker's log: values of rows are in neither. */
function failureOf(thrown: unknown, step: string, attempt: number): ApplicationFailure {
  const error = machineFull(thrown) ?? temporalAway(thrown) ?? thrown
  const known = error instanceof SlipwayError ? error : undefined
  // What the engine says of a text that it cannot read quotes the text.
  const message = error instanceof SyntaxError ? 'a text cannot be read' : (error as Error).message
  const isOver =
    known === undefined || known.code === 'INTERNAL'
      ? attempt >= patience
      : !known.retryable || (known.code === 'OUT_OF_MEMORY' && attempt >= memoryPatience)
  const failure = ApplicationFailure.create({
    type: known?.code ?? 'INTERNAL',
    message: brief(message ?? String(error)),
    nonRetryable: isOver,
    details: [
      {
        step,
        next: known?.facts.next ?? null,
        log: known?.facts.log,
        ...known?.facts.at,
        ...(known?.facts.cell !== undefined && { cell: known.facts.cell }),
      },
    ],
    ...(!(error instanceof SyntaxError) && { cause: withoutFull(error) as Error }),
  })
  thrownBy.set(failure, error)
  return failure
}
