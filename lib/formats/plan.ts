import { z } from 'zod'
import { Digest } from './artifact.ts'
import { BatchPolicy } from './batch-policy.ts'
import { Check } from './check.ts'
import { MonitorPolicy } from './monitor-policy.ts'
import { RolloutPolicy } from './rollout-policy.ts'
import { RowSchema } from './row-schema.ts'
import { CsvOptions, TableFormat } from './table-format.ts'

/** A user function, bundled and stored: found by its digest, shown by its name. Only `digest` and `host` are identity. */
export const CodeRef = z.object({
  name: z.string(),
  file: z.string(),
  digest: Digest,
  /** Packages the bundle takes from its host, with the versions it was planned with. */
  host: z.record(z.string(), z.string()),
})
export type CodeRef = z.infer<typeof CodeRef>

/** Gradient-boosted trees, the built-in learner (`trainers/trees`). Names follow LightGBM's where it has them. */
export const TreesLearner = z.strictObject({
  kind: z.literal('trees'),
  trees: z.int().min(1).max(10_000).default(200),
  leaves: z.int().min(2).max(255).default(31),
  learningRate: z.number().gt(0).lte(1).default(0.1),
  minRowsPerLeaf: z.int().min(1).default(20),
  l2: z.number().nonnegative().default(1),
  /** Histogram bins of a feature, the one for missing values not counted. */
  bins: z.int().min(2).max(254).default(254),
  /**
   * How texts are parted: in the order of their mean label, by thresholds ('ordered', the default), or by sets of up to 32 values chosen
   * in each leaf anew ('sets', as LightGBM does; the `bins` most frequent values are known, others count as missing).
   */
  categories: z.enum(['ordered', 'sets']).optional(),
  /** Stop when the validation loss has not improved for this many trees; 0 keeps all trees. */
  earlyStopping: z.int().nonnegative().default(0),
})
export type TreesLearner = z.infer<typeof TreesLearner>
export const Learner = z.discriminatedUnion('kind', [TreesLearner])
export type Learner = z.infer<typeof Learner>

const Share = z.number().gt(0).lt(1)
const SplitRule = z.discriminatedUnion('by', [
  /** Rows before `validationFrom` train, rows before `testFrom` validate, the rest test. ISO dates, UTC. */
  z.object({ by: z.literal('time'), column: z.string(), validationFrom: z.iso.date(), testFrom: z.iso.date() }),
  /**
   * By age: the newest `testMs` of rows test, those `validationMs` before validate, the others train; rows older than `windowMs` or
   * not before `until` are left out. `until` null means the end of the newest row's day, UTC.
   */
  z.object({
    by: z.literal('age'),
    column: z.string(),
    validationMs: z.number().positive(),
    testMs: z.number().positive(),
    windowMs: z.number().positive().nullable(),
    until: z.iso.datetime().nullable(),
  }),
  /** By a hash of a column's value: rows that share it stay together, wherever they stand. */
  z.object({ by: z.literal('hash'), column: z.string(), validation: Share, test: Share, seed: z.int() }),
  /** Every value of the column gets the same shares. */
  z.object({ by: z.literal('stratum'), column: z.string(), validation: Share, test: Share, seed: z.int() }),
  /** By a hash of the whole row: equal rows stay together. */
  z.object({ by: z.literal('random'), validation: Share, test: Share, seed: z.int() }),
])
export type SplitRule = z.infer<typeof SplitRule>

const nameRule = 'names are lower-case letters, digits and dashes, at most 63'
const Id = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, nameRule)
/** A named step that is called as another one keeps its kind before its name: `snapshot:gate` (`step-names.ts`). */
const NamedId = z.string().regex(/^((snapshot|train):)?[a-z0-9][a-z0-9-]{0,62}$/, nameRule)

export const SnapshotStep = z.object({
  id: NamedId,
  kind: z.literal('snapshot'),
  from: z.string(),
  format: TableFormat,
  ...CsvOptions.shape,
  schema: RowSchema,
})
export const ValidateStep = z.object({
  id: Id,
  kind: z.literal('validate'),
  table: NamedId,
  schema: RowSchema,
  /** Share of bad rows up to which the run goes on without them. */
  maxBadRows: z.number().min(0).lt(1),
  /** Column names to the least share of rows that must have a value. */
  completeness: z.record(z.string(), z.number().min(0).max(1)),
  /** Sets of columns whose values may occur only once together. */
  unique: z.array(z.array(z.string()).min(1)),
})
export const SplitStep = z.object({ id: Id, kind: z.literal('split'), table: NamedId, rule: SplitRule })
export const Task = z.enum(['binary', 'regression'])
export type Task = z.infer<typeof Task>
/** The column predicted, and the function that makes labels of it; without one the column is the label. */
const TargetRef = z.object({ column: z.string(), code: CodeRef.optional() })
export const TrainStep = z.object({
  id: NamedId,
  kind: z.literal('train'),
  split: Id,
  task: Task,
  /** The schema of the rows the feature function gets: the source's, without the columns of the target and of the weight. */
  inputs: RowSchema,
  features: CodeRef,
  target: TargetRef,
  /** Features that are combined, each set into one number more: see `crosses.ts`. */
  crosses: z.array(z.array(z.string()).min(1)).optional(),
  /** The column that says how much a row counts in training; features do not see it. */
  weight: z.string().optional(),
  learner: Learner,
  seed: z.int().nonnegative(),
})
export const PackageStep = z.object({
  id: Id,
  kind: z.literal('package'),
  model: NamedId,
  /** Largest difference allowed between ONNX Runtime's and the trainer's own predictions. */
  parity: z.number().gt(0),
  /** Counts the incompatible changes of what the model takes: see `signature.ts`. */
  signature: z.int().min(1),
})
export const EvaluateStep = z.object({
  id: Id,
  kind: z.literal('evaluate'),
  package: Id,
  split: Id,
  part: z.enum(['train', 'validation', 'test']),
  slices: z.array(z.string()),
  task: Task,
  target: TargetRef,
})
export const GateStep = z.object({
  id: Id,
  kind: z.literal('gate'),
  package: Id,
  evaluation: Id,
  model: Id,
  must: z.array(Check).min(1),
  seed: z.int(),
})
export const ApproveStep = z.object({
  id: Id,
  kind: z.literal('approve'),
  package: Id,
  role: z.string(),
  /** Milliseconds until `otherwise` happens by itself. */
  withinMs: z.number().positive(),
  otherwise: z.enum(['approve', 'reject']),
})
export const RegisterStep = z.object({ id: Id, kind: z.literal('register'), package: Id, model: Id })
/** Brings a registered package to an endpoint: the first one at once, every later one by a rollout. */
export const DeployStep = z.object({
  id: Id,
  kind: z.literal('deploy'),
  package: Id,
  model: Id,
  endpoint: Id,
  policy: RolloutPolicy,
  /** Where it is deployed; missing: to Slipway's own gateways. */
  target: Id.optional(),
})

/** Watches an endpoint once it is deployed: a Temporal Schedule, and the supervisor that retrains. */
export const MonitorStep = z.object({
  id: Id,
  kind: z.literal('monitor'),
  package: Id,
  model: Id,
  endpoint: Id,
  policy: MonitorPolicy,
  /** Column of a split by age: says how new the rows of a retraining are. */
  time: z.string().nullable(),
})
/**
 * Before a version of a watched endpoint is registered: it is compared with the champion and with the anchor on labelled rows that were
 * served lately and on the champion's own test rows, by tests that hold over all retrainings together (`lib/stats/never-worse.ts`).
 * Passes while nothing is served.
 */
export const GuardStep = z.object({
  id: Id,
  kind: z.literal('guard'),
  package: Id,
  split: Id,
  endpoint: Id,
  task: Task,
  target: TargetRef,
  margin: z.number().gt(0).lt(1),
  alpha: z.number().gt(0).lt(0.5),
})

/** Scores tables with what an endpoint serves, on a schedule or when asked. */
export const BatchStep = z.object({
  id: Id,
  kind: z.literal('batch'),
  package: Id,
  model: Id,
  endpoint: Id,
  name: Id,
  policy: BatchPolicy,
})

export const Step = z.discriminatedUnion('kind', [
  SnapshotStep,
  ValidateStep,
  SplitStep,
  TrainStep,
  PackageStep,
  EvaluateStep,
  GateStep,
  ApproveStep,
  RegisterStep,
  DeployStep,
  MonitorStep,
  GuardStep,
  BatchStep,
])
export type Step = z.infer<typeof Step>
export type StepKind = Step['kind']
export type StepOf<Kind extends StepKind> = Extract<Step, { kind: Kind }>

/** The serialisable half of a pipeline: the workflow's input. Steps stand in an order in which they can run. */
export const Plan = z.object({
  slipway: z.literal('plan/1'),
  pipeline: Id,
  steps: z.array(Step).min(1),
})
export type Plan = z.infer<typeof Plan>
