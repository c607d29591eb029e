import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow'
import type { RetrainCause } from '../lib/formats/alerts.ts'
import type { BatchRecord } from '../lib/formats/batch-records.ts'
import type { BatchPlanned } from '../lib/formats/batch-request.ts'
import { inConsole } from '../lib/formats/console-link.ts'
import type { VersionName } from '../lib/formats/in-force.ts'
import type { Plan } from '../lib/formats/plan.ts'
import type { RolloutDecision, RolloutRecord, RunRecord, StepReport, VersionRecord } from '../lib/formats/records.ts'
import type { RolloutPolicy } from '../lib/formats/rollout-policy.ts'
import type { ModelVersion, Route, RouteChange } from '../lib/formats/route.ts'
import type { SeenView } from '../lib/formats/view.ts'
import type { MetricVerdict } from '../lib/stats/rollout-decision.ts'

/** The task queue of all workers. */
export const taskQueue = 'slipway'
/** The task queue of shards: workers score as many at once as they have cores, whatever else they do. */
export const scoringQueue = 'slipway-scoring'

export const runWorkflowId = (runId: string): string => `run/${runId}`
export const modelWorkflowId = (model: string): string => `model/${model}`
export const endpointWorkflowId = (endpoint: string): string => `endpoint/${endpoint}`
export const rolloutWorkflowId = (rollout: string): string => `rollout/${rollout}`
export const supervisorWorkflowId = (pipeline: string): string => `supervisor/${pipeline}`
/** The Temporal Schedule that checks an endpoint; its workflows are named after it. */
export const monitorScheduleId = (endpoint: string): string => `${endpoint}/monitor`

/** The Temporal Schedule that starts a batch; its workflows are named after it. */
export const batchScheduleId = (owner: string, name: string): string => `${owner}/${name}`
/** A batch that was asked for: one at a time of a partition. */
export const batchWorkflowId = (owner: string, name: string, partition: string): string =>
  `batch/${owner}/${name}/${partition}`

/**
 * How owners are started where they are not there: the second argument of `WithStartWorkflowOperation('ownModel', …)`.
 */
export const ownerOfModel = (model: string) => ({
  workflowId: modelWorkflowId(model),
  workflowIdConflictPolicy: 'USE_EXISTING' as const,
  taskQueue,
  args: [model],
  staticSummary: `Owner of the model ${model}: the only writer of its versions and aliases`,
})
/** The workflow whose memo says which store this namespace works with. */
export const memoryOfStore = 'store'

export const ownerOfEndpoint = (endpoint: string) => ({
  workflowId: endpointWorkflowId(endpoint),
  workflowIdConflictPolicy: 'USE_EXISTING' as const,
  taskQueue,
  args: [endpoint],
  staticSummary: `Owner of the endpoint ${endpoint}: the only writer of its route`,
})

/** The Temporal Schedule that gathers windows between checks that are far apart. */
export const gatherScheduleId = (endpoint: string): string => `${endpoint}/gather`
/** The Temporal Schedule that asks for a retraining regularly. */
export const retrainScheduleId = (pipeline: string): string => `${pipeline}/retrain`

/** A run as it is started. Its plan is in the store: however large, it does not travel. */
export interface RunInput {
  readonly runId: string
  readonly pipeline: string
  readonly planDigest: string
  /** The content of each source as it was when the run started: digest of its list of files, by step. */
  readonly sources: Readonly<Record<string, string>>
  /** Snapshots to use instead of reading their sources: digest by step. */
  readonly snapshots: Readonly<Record<string, string>>
  /** Who and what started it: commit, user, host. For people; part of no digest. */
  readonly origin: Readonly<Record<string, string>>
  /** Set in retrainings: the plan as people wrote it, which the monitor goes on with. */
  readonly basePlan?: string
  /** What was seen of the views that it publishes; absent where it publishes none, and in retrainings. */
  readonly views?: Readonly<Record<string, SeenView>>
  /** Address of the console, for links to it from Temporal's web UI; absent where nobody knows it. */
  readonly console?: string
}

/** A run as 0.6 and before started it: with its plan, which is in the store as well. */
export type RunInputWithPlan = Omit<RunInput, 'pipeline'> & { readonly plan: Plan }

/** How a run ends other than by finishing all its steps. */
export interface Stop {
  readonly status: RunRecord['status']
  readonly exitCode: number
  readonly error: RunRecord['error']
}

/** Where a run stands. */
export interface RunProgress {
  readonly stage: string
  readonly finished: readonly StepReport[]
  /** A person it waits for. */
  readonly waitingFor: Asked | null
  /** What else it waits for, in words; null for nothing. */
  readonly waits?: string | null
  /** The rollout it is in. */
  readonly rollout: string | null
  /** The steps that are under way, each with what it does; absent in runs that 0.8 or before began. */
  readonly running?: Readonly<Record<string, string>>
  /** How many steps there are in all, and of those of branches in workflows of their own how many are done. */
  readonly steps?: { readonly all: number; readonly doneElsewhere: number }
  /** Workflows that carry out branches at the moment. */
  readonly elsewhere?: readonly string[]
  /** How far it is, 0 to 1, of a workflow that carries out trials. */
  readonly done?: number
}

/** An approval that is waited for. Of a run of 0.7 or before nobody knows what it is about. */
export interface Asked {
  readonly role: string
  /** The step that asks; absent in runs that 0.8 or before began. */
  readonly step?: string
  /** ISO time. */
  readonly until: string
  /** The version in force that the candidate was judged against; null for none. */
  readonly against?: VersionName | null
  /** Why the candidate was judged anew, if it was. */
  readonly anew?: string | null
}

export interface Decision {
  readonly by: string
  readonly reason: string
  /** The role that is claimed; nobody checks it. */
  readonly role?: string
  /** Digest of the version that the evidence was about which was shown; null for none. */
  readonly against?: string | null
  /** The step whose question this answers: a run with branches asks several, one after another. */
  readonly step?: string
}

export interface Registration {
  readonly version: number
  readonly champion: number | null
  /** False when the version was there already. */
  readonly registered: boolean
}

export interface ChampionChange {
  readonly version: number
  readonly reason: string
  /** Somebody asks for it of a model that no endpoint serves: what was refused does not become champion. */
  readonly byHand?: true
}

/** A change of a route as its owner is asked for it. */
export interface RouteOrder {
  readonly change: RouteChange
  /** Where the endpoint is deployed; missing: on Slipway's own gateways, or where its owner knows it to be. */
  readonly target?: string | undefined
  /** Who wants it and why, for the route's log. */
  readonly reason: string
}

/** A route after a change, and what the gateways make of it. */
export interface RouteOutcome {
  readonly route: Route
  /** Gateways that run. */
  readonly gateways: number
  /** Why not all of them apply it; null when they do. */
  readonly mismatch: string | null
}

/**
 * `ann as ml-lead (role not checked)`: who decides, in words.
 * @param asked the role that is asked for, which who names none claims
 */
export const claimant = ({ by, role }: Decision, asked: string): string =>
  `${by} as ${role ?? asked} (role not checked)`

/** Where a batch stands; carried through continue-as-new. */
export interface BatchProgress {
  readonly planned: BatchPlanned | null
  readonly startedAt: string
  readonly done: number
  readonly cached: number
  readonly read: number
  readonly scored: number
  readonly quarantined: number
  /** Of one that is scored elsewhere: shards that are laid out, and rows of them that answers are awaited for. */
  readonly staged?: number
  readonly awaited?: number
  /** Whose answers count: how many times it was asked for them. */
  readonly attempt?: number
}

/** How a batch ended. */
export interface BatchResult {
  readonly record: BatchRecord
  /** Nothing was scored: the very same was published before. */
  readonly cached: boolean
  readonly shards: number
  readonly cachedShards: number
}

export const batchProgressQuery = defineQuery<BatchProgress>('batchProgress')

/** Where a rollout stands. */
export interface RolloutStatus {
  readonly id: string
  readonly endpoint: string
  readonly champion: ModelVersion
  readonly candidate: ModelVersion
  /** `25 %` */
  readonly stage: string
  readonly stageNumber: number
  readonly stages: number
  readonly paused: boolean
  readonly waitingForApproval: string | null
  readonly reason: string
  readonly verdicts: readonly MetricVerdict[]
  readonly seconds: number
  readonly decisions: readonly RolloutDecision[]
  readonly outcome: RolloutRecord['outcome'] | null
  /** What it goes by: thresholds, who approves. Absent where a worker of 0.14 or before answers, like `harmed`. */
  readonly policy?: RolloutPolicy
  /** Excess failures: the candidate's failures minus those expected at the champion's rate. */
  readonly harmed?: number
}

/** What a supervisor waits for, and why. */
export interface SupervisorStatus {
  readonly pipeline: string
  readonly state: 'idle' | 'waiting' | 'running' | 'paused'
  /** In words: what it does, or until when it waits. */
  readonly reason: string
  readonly run: string | null
  readonly pending: readonly RetrainCause[]
  /** Retrainings that ended, newest last. */
  readonly retrainings: readonly RetrainOutcome[]
}

/** How a retraining ended. */
export interface RetrainOutcome {
  readonly run: string
  readonly cause: string
  /** ISO times. */
  readonly startedAt: string
  readonly finishedAt: string
  readonly status: RunRecord['status']
  readonly reason: string
}

/** What a supervisor carries through continue-as-new. */
export interface SupervisorState {
  readonly pending: readonly RetrainCause[]
  /** Keys of causes that were seen, newest last. */
  readonly seen: readonly string[]
  readonly paused: Decision | null
  readonly retrainings: readonly RetrainOutcome[]
}

export const causeSignal = defineSignal<[RetrainCause]>('cause')
/** The incident of an endpoint has ended: what it asked for and has not begun is not wanted any more. */
export const calmSignal = defineSignal<[{ readonly endpoint: string }]>('calm')

/**
 * How the supervisor of a pipeline is told a cause, and started where it is not there: `signalWithStart('supervise',
 * …)`.
 * @param console its address, where it is known
 */
export const tellSupervisor = (pipeline: string, cause: RetrainCause, console?: string) => ({
  workflowId: supervisorWorkflowId(pipeline),
  taskQueue,
  args: [pipeline],
  signal: causeSignal,
  signalArgs: [cause] as [RetrainCause],
  staticSummary: `Supervisor of ${pipeline}: decides when it is retrained`,
  ...inConsole(console, `/pipelines/${pipeline}`),
})
export const supervisorStatusQuery = defineQuery<SupervisorStatus>('status')
export const pauseSupervisorUpdate = defineUpdate<void, [Decision]>('pauseRetraining')
export const resumeSupervisorUpdate = defineUpdate<void, [Decision]>('resumeRetraining')

export const routeUpdate = defineUpdate<RouteOutcome, [RouteOrder]>('changeRoute')
export const rolloutStatusQuery = defineQuery<RolloutStatus>('status')
export const pauseUpdate = defineUpdate<void, [Decision]>('pause')
export const resumeUpdate = defineUpdate<void, [Decision]>('resume')
export const approveRolloutUpdate = defineUpdate<void, [Decision]>('approve')
export const promoteUpdate = defineUpdate<void, [Decision]>('promote')
export const abortUpdate = defineUpdate<void, [Decision]>('rollback')
export const progressQuery = defineQuery<RunProgress>('progress')
export const approveUpdate = defineUpdate<void, [Decision]>('approve')
export const rejectUpdate = defineUpdate<void, [Decision]>('reject')
export const registerUpdate = defineUpdate<Registration, [{ version: VersionRecord; promote: boolean }]>('register')
export const championUpdate = defineUpdate<number, [ChampionChange]>('setChampion')
