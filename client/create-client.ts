import { readSettings, type Settings } from '../workers/settings.ts'
import { type ClientContext, contextOf } from './context.ts'

/** Where everything is. What is not named is taken from the environment and `.slipway`, as the command line does. */
export interface ClientOptions {
  /** The project: the folder with `pipelines/`; by default that of the working directory. */
  readonly root?: string
  readonly temporal?: { readonly address?: string; readonly namespace?: string }
  readonly s3?: {
    readonly endpoint?: string
    readonly bucket?: string
    readonly region?: string
    readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string }
  }
  /** Address of a gateway, for predictions. */
  readonly gateway?: string
  /** Hears of servers that are waited for, and of broken documents that are passed over. By default nobody does. */
  readonly onNote?: (line: string) => void
}

/**
 * A function of a context as a method. What it needs is loaded when it is called: reading loads nothing of Temporal's.
 */
type Bound = <A extends readonly unknown[], R>(
  load: () => Promise<(context: ClientContext, ...given: A) => Promise<R>>,
) => (...given: A) => Promise<R>

/**
 * Everything the command line reads and starts, as typed objects. Servers are connected to when they are needed;
 * `close()` gives the connections back.
 * @throws SlipwayError PLATFORM_MISSING where nobody says where the store is
 */
export function createClient(options: ClientOptions = {}) {
  const context = contextOf(settingsOf(options), { say: options.onNote ?? (() => {}) })
  const bound: Bound =
    (load) =>
    async (...given) =>
      (await load())(context, ...given)
  return {
    runs: runsOf(context, bound),
    pipelines: {
      list: bound(async () => (await import('./pipelines.ts')).readPipelines),
      /** What a run would do now, without doing it. */
      plan: bound(async () => (await import('./plan-run.ts')).planRun),
    },
    models: {
      list: bound(async () => (await import('./models.ts')).readModels),
      get: bound(async () => (await import('./model.ts')).readModel),
      report: bound(async () => (await import('./model.ts')).readModelReport),
      rollBack: bound(async () => (await import('./rollback.ts')).rollBackTo),
      /** What the scores of a version rest on. */
      explain: bound(async () => (await import('./explain-model.ts')).explainModel),
      /** Why the rows of a file get the scores they get. */
      explainRows: bound(async () => (await import('./explain-model.ts')).explainRowsOf),
      /** What scores a version, and how fast that is here. */
      compiled: bound(async () => (await import('./compiled-model.ts')).readCompiledModel),
      /** Registers a finished ONNX model by a run of its own, which `runs.follow` follows. */
      register: async (file: string, wanted?: import('./register-model.ts').RegistrationWanted) =>
        (await import('./register-model.ts')).registerModel(context, file, wanted),
    },
    artifacts: {
      get: bound(async () => (await import('./artifact.ts')).readArtifact),
      open: bound(async () => (await import('./artifact.ts')).openArtifact),
    },
    /** What something was made from, and what was made of it. */
    lineage: bound(async () => (await import('./lineage.ts')).readLineage),
    views: {
      list: bound(async () => (await import('./views.ts')).readViews),
      get: bound(async () => (await import('./views.ts')).readView),
    },
    endpoints: {
      list: bound(async () => (await import('./endpoint-states.ts')).readEndpointStates),
      get: bound(async () => (await import('./endpoints.ts')).readEndpoint),
      predict: bound(async () => (await import('./predict.ts')).predictRows),
      /** The same of a model of tensors. */
      infer: bound(async () => (await import('./infer.ts')).inferTensors),
      /** Says what became of predictions. */
      label: bound(async () => (await import('./labels.ts')).labelPredictions),
      importLabels: bound(async () => (await import('./import-labels.ts')).importLabels),
      trace: bound(async () => (await import('./trace.ts')).readPrediction),
      rollBack: bound(async () => (await import('./rollback.ts')).rollBackTo),
    },
    rollouts: rolloutsOf(context, bound),
    monitors: {
      get: bound(async () => (await import('./monitors.ts')).readMonitor),
      check: bound(async () => (await import('./monitors.ts')).readCheck),
      /** Judges the rows of a file as the monitor would. */
      checkFile: bound(async () => (await import('./check-file.ts')).checkFile),
      /** How often its drift rules would cry wolf. */
      calibrate: bound(async () => (await import('./calibrate.ts')).calibrateMonitor),
      checkNow: bound(async () => (await import('./check-now.ts')).checkNow),
    },
    retraining: {
      get: bound(async () => (await import('./retraining.ts')).readRetraining),
      signal: bound(async () => (await import('./retraining.ts')).signalRetraining),
      hold: bound(async () => (await import('./retraining.ts')).holdRetraining),
    },
    batches: {
      list: bound(async () => (await import('./batches.ts')).readBatches),
      get: bound(async () => (await import('./batches.ts')).readBatch),
      start: bound(async () => (await import('./start-batch.ts')).startBatch),
      wait: bound(async () => (await import('./start-batch.ts')).batchEnd),
      /** Scores files that no pipeline names, and waits for it. */
      score: bound(async () => (await import('./score-files.ts')).scoreFiles),
    },
    schedules: {
      list: bound(async () => (await import('./schedules.ts')).readSchedules),
      pause: bound(async () => (await import('./schedules.ts')).pauseSchedule),
      resume: bound(async () => (await import('./schedules.ts')).resumeSchedule),
      trigger: bound(async () => (await import('./schedules.ts')).triggerSchedule),
      backfill: bound(async () => (await import('./schedules.ts')).backfillSchedule),
    },
    /** What waits for whom. */
    waiting: bound(async () => (await import('./waiting.ts')).readWaiting),
    /** Brings back what Temporal lost, as refs of the store say. */
    recover: bound(async () => (await import('./recover.ts')).recoverLost),
    /** Takes a broken ref of the store back to the last good generation of its log. */
    restore: bound(async () => (await import('./restore.ts')).restore),
    /** Whether everything a run needs is there and works. */
    health: bound(async () => (await import('./health.ts')).readHealth),
    /** Gives back all connections. Nothing may be asked afterwards. */
    close: () => context.close(),
  }
}

/** What `createClient` makes. */
export type SlipwayClient = ReturnType<typeof createClient>

function runsOf(context: ClientContext, bound: Bound) {
  const decide = (verb: 'approve' | 'reject') => async (runId: string, said?: import('./approval.ts').RunSaid) =>
    (await (await import('./approval.ts')).decideRun(context, verb, runId, said)).document
  return {
    list: bound(async () => (await import('./runs.ts')).readRuns),
    get: bound(async () => (await import('./runs.ts')).readRun),
    why: bound(async () => (await import('./why.ts')).readWhy),
    compare: bound(async () => (await import('./compare.ts')).readComparison),
    /** Starts a run; one that goes on for the very same, from the same commit, is as good. */
    async start(
      pipeline: string,
      wanted?: import('./start-run.ts').RunWanted,
    ): Promise<import('./begin-run.ts').BegunRun> {
      const { planned: _, ...begun } = await (await import('./start-run.ts')).startRun(context, pipeline, wanted)
      return begun
    },
    rerun: bound(async () => (await import('./rerun.ts')).rerun),
    cancel: bound(async () => (await import('./cancel.ts')).cancelRun),
    approve: decide('approve'),
    reject: decide('reject'),
    /** What happens in a run until it has ended. */
    async *follow(runId: string) {
      yield* (await import('./run-events.ts')).followEvents(context, runId)
    },
    /** Waits for the end of a run, however it ends. */
    wait: bound(async () => (await import('./run-events.ts')).waitForRun),
  }
}

function rolloutsOf(context: ClientContext, bound: Bound) {
  const ask =
    (verb: import('./rollouts.ts').RolloutVerb) =>
    async (endpoint: string, said?: import('./rollouts.ts').RolloutSaid) =>
      (await import('./rollouts.ts')).askRollout(context, endpoint, verb, said)
  return {
    /** Every decision of a rollout, each computed again from its evidence. */
    decisions: bound(async () => (await import('./rollout-decisions.ts')).readRolloutDecisions),
    approve: ask('approve'),
    pause: ask('pause'),
    resume: ask('resume'),
    promote: ask('promote'),
    /** Ends the rollout; the champion serves everything. */
    rollBack: ask('rollback'),
  }
}

/** What is given takes the place of what the environment says. */
function settingsOf({ root, temporal = {}, s3 = {}, gateway }: ClientOptions): Settings {
  const given = {
    TEMPORAL_ADDRESS: temporal.address,
    S3_ENDPOINT: s3.endpoint,
    SLIPWAY_BUCKET: s3.bucket,
    AWS_REGION: s3.region,
    SLIPWAY_GATEWAY_ADDRESS: gateway,
  }
  const said = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  // That Temporal is somewhere nobody has to say who only reads the store.
  const settings = readSettings(root, { ...process.env, ...said }, { temporal: false })
  const { address, namespace } = temporal
  return {
    ...settings,
    temporal: {
      ...settings.temporal,
      ...(namespace !== undefined && { namespace }),
      connectionOptions: { ...settings.temporal.connectionOptions, ...(address !== undefined && { address }) },
    },
    s3: { ...settings.s3, ...(s3.credentials !== undefined && { credentials: s3.credentials }) },
  }
}
