import type { z } from 'zod'
import { type BatchOptions, batchPolicyOf } from './batch.ts'
import type { ColumnsOf, FeatureColumns } from './columns.ts'
import { SlipwayError } from './errors.ts'
import { formatOf, type TableFormat } from './format.ts'
import type { Gate } from './gates.ts'
import { type MonitorOptions, monitorPolicyOf } from './monitor.ts'
import { type CodeRef, Plan, type SplitRule, type Step, type StepOf, type Task, TreesLearner } from './plan.ts'
import { type DeployOptions, type Duration, durationMs, policyOf } from './rollout.ts'
import { type RowSchema, rowSchemaOf } from './row-schema.ts'

// biome-ignore lint/suspicious/noExplicitAny: the one place where functions of all column types meet
export type UserFunction = (...args: any[]) => unknown

interface Handle<Kind extends string> {
  readonly kind: Kind
  readonly id: string
}
/** Rows of a source. */
export interface Table<Row> extends Handle<'table'> {
  readonly schema: RowSchema
  readonly row?: (row: Row) => Row
}
/** One part of a split. */
export interface Part<Row> extends Handle<'part'> {
  readonly part: 'train' | 'validation' | 'test'
  readonly row?: (row: Row) => Row
}
export interface Split<Row> extends Handle<'split'> {
  readonly schema: RowSchema
  readonly train: Part<Row>
  readonly validation: Part<Row>
  readonly test: Part<Row>
}
/** A trained model that was not packaged: it cannot be gated or served. */
export interface Model<Row, T extends Task> extends Handle<'model'> {
  readonly of?: (row: Row, task: T) => void
}
/** A packaged model: what gates, approvals and endpoints work on. */
export interface Package<Row, T extends Task> extends Handle<'package'> {
  readonly of?: (row: Row, task: T) => void
}

/** A served name: what monitors and batch scoring work on. */
export interface Endpoint<Row, T extends Task> extends Handle<'endpoint'> {
  readonly endpoint: string
  readonly of?: (row: Row, task: T) => void
}

/** What a model predicts: one column of the source, as it is or through a function of it. That column is not a feature. */
export interface Target<Column extends string, Value, T extends Task> {
  readonly task: T
  readonly column: Column
  readonly code: ((column: Value) => ArrayLike<number> | readonly boolean[]) | undefined
}

/** A yes/no target: `binary('delay', late)` with `late` a named export `(delay) => Uint8Array` of zeros and ones. */
export function binary<const Column extends string, Value>(
  column: Column,
  code: (column: Value) => ArrayLike<number> | readonly boolean[],
): Target<Column, Value, 'binary'> {
  return { task: 'binary', column, code }
}

/** A number to predict: a numeric column as it is, or a function of it. */
export function regression<const Column extends string, Value = Float64Array>(
  column: Column,
  code?: (column: Value) => ArrayLike<number>,
): Target<Column, Value, 'regression'> {
  return { task: 'regression', column, code }
}

/** Gradient-boosted trees, trained in process; see `TreesLearner` for the parameters and their defaults. */
export function trees(options: Omit<z.input<typeof TreesLearner>, 'kind'> = {}): TreesLearner {
  return TreesLearner.parse({ kind: 'trees', ...options })
}

type Names<Row, Value> = { [Field in keyof Row]: Row[Field] extends Value ? Field : never }[keyof Row] & string

export interface ByTime<Row> {
  by: Names<Row, Date>
  /** ISO date (UTC): earlier rows train. */
  validationFrom: string
  /** ISO date (UTC): earlier rows that do not train validate, the others test. */
  testFrom: string
}
export interface ByAge<Row> {
  by: Names<Row, Date>
  /** The newest rows, and those before them: the split moves with the data. `run --as-of` sets the day that counts as today. */
  test: Duration
  validation: Duration
  /** Rows older than this are left out. */
  window?: Duration
}
export interface ByHash<Row> {
  /** Rows with equal values of this column go to the same part. */
  byHashOf: keyof Row & string
  validation: number
  test: number
  seed?: number
}
export interface ByStratum<Row> {
  /** Every value of this column is represented equally in each part. */
  stratifiedBy: keyof Row & string
  validation: number
  test: number
  seed?: number
}

/** Records the steps of a pipeline. Every method returns a typed handle for the next ones. */
export interface Builder {
  /** Fixes the exact bytes a run reads: a file, or a glob of files, in parquet, CSV or JSON. Paths start at the project folder. */
  snapshot<S extends z.ZodObject>(
    name: string,
    options: { from: string; schema: S; format?: TableFormat },
  ): Table<z.output<S>>
  /** Checks every row against the schema; bad rows are set aside with their reasons, up to a limit. */
  validate<Row>(
    table: Table<Row>,
    rules?: {
      /** Share of bad rows up to which the run goes on without them. Default 0. */
      maxBadRows?: number
      completeness?: Partial<Record<keyof Row & string, number>>
      unique?: (readonly (keyof Row & string)[])[]
    },
  ): Table<Row>
  /** Cuts the rows into train, validation and test: by time, by age, by a hash, or with equal shares of every stratum. */
  split<Row>(table: Table<Row>, rule: ByTime<Row> | ByAge<Row> | ByHash<Row> | ByStratum<Row>): Split<Row>
  /**
   * Trains a model. `features` and the target's function are named exports of a module (they are bundled and stored by
   * digest); `features` gets every column but the target's and the weight's.
   */
  train<
    Row,
    const Column extends keyof Row & string,
    T extends Task,
    Made extends FeatureColumns,
    const Weight extends Names<Row, number> = never,
  >(
    name: string,
    options: {
      on: Split<Row>
      features: (columns: ColumnsOf<Omit<Row, Column | Weight>>) => Made
      target: Target<Column, ColumnsOf<Row>[Column], T>
      /**
       * Sets of features that matter together: the model gets, for each, the mean label of training rows with the same values (out of fold
       * while it trains, so that no row sees its own label). For text and for numbers with few values.
       */
      crosses?: readonly (readonly [keyof Made & string, ...(keyof Made & string)[]])[]
      /** A column that says how much each row counts while the model learns, at least 0; evaluations count every row alike. */
      weight?: Weight
      learner: TreesLearner
      seed: number
    },
  ): Model<Row, T>
  /**
   * Makes the signed model package: ONNX, feature code, schemas, baseline profile, model card. Raise `signature` (default 1)
   * when rows that the champion takes would no longer do.
   */
  package<Row, T extends Task>(model: Model<Row, T>, options?: { parity?: number; signature?: number }): Package<Row, T>
  /** Scores the package on a part and checks the result; a gate that fails ends the run and keeps the champion. */
  gate<Row, T extends Task>(
    candidate: Package<Row, T>,
    options: { on: Part<Row>; must: readonly Gate<NoInfer<T>, keyof NoInfer<Row> & string>[]; seed?: number },
  ): void
  /** Waits for a person: `slipway approve <run>`. */
  approve<Row, T extends Task>(
    candidate: Package<Row, T>,
    options: { role: string; within: `${number}${'s' | 'm' | 'h' | 'd'}`; otherwise: 'reject' | 'approve' },
  ): void
  /**
   * Serves the package under a name. The first version takes over at once; every later one by the strategy given, and becomes
   * champion when its rollout says so, not before.
   */
  deploy<Row, T extends Task>(candidate: Package<Row, T>, options: DeployOptions): Endpoint<Row, T>
  /**
   * Watches what is served: every so often the telemetry since the last check is compared with the training rows, and with the labels
   * that came. An alarm is reported, and the supervisor of the pipeline retrains where `retrain` says so.
   */
  monitor<Row, T extends Task>(live: Endpoint<Row, T>, options: MonitorOptions): void
  /**
   * Scores tables with the version that the endpoint's champion is when a batch begins: on a schedule, or by `slipway batch`. Every
   * table comes out whole or not at all.
   */
  batch<Row, T extends Task>(live: Endpoint<Row, T>, name: string, options: BatchOptions): void
}

/** A pipeline as the user's file exports it. */
export interface PipelineDefinition {
  readonly slipway: 'pipeline/1'
  readonly name: string
  /** Makes the plan; `codeOf` says where a user function's bundle is. */
  readonly compile: (codeOf: (userFunction: UserFunction, role: string) => CodeRef) => Plan
}

/**
 * Describes a model's life: `export default pipeline('flights', (p) => { … })` in `pipelines/<name>/pipeline.ts`.
 * The function only records; nothing runs until a worker carries the plan out.
 * @throws SlipwayError DEFINITION_INVALID when the plan is made and a name, column or option is wrong.
 */
export function pipeline(name: string, define: (p: Builder) => void): PipelineDefinition {
  return { slipway: 'pipeline/1', name, compile: (codeOf) => compile(name, define, codeOf) }
}

function compile(
  name: string,
  define: (p: Builder) => void,
  codeOf: (userFunction: UserFunction, role: string) => CodeRef,
): Plan {
  const steps: Step[] = []
  const packages: string[] = []
  const deploys: StepOf<'deploy'>[] = []
  const monitors: StepOf<'monitor'>[] = []
  const batches: StepOf<'batch'>[] = []
  const guards: StepOf<'guard'>[] = []
  const add = (step: Step): string => {
    if (steps.some(({ id }) => id === step.id)) {
      throw new SlipwayError('DEFINITION_INVALID', `two steps of pipeline "${name}" are named "${step.id}"`, {
        next: 'give one of them another name',
      })
    }
    steps.push(step)
    return step.id
  }
  const trainingOf = (packageId: string): StepOf<'train'> => {
    const packaged = steps.find((step) => step.id === packageId) as StepOf<'package'>
    return steps.find((step) => step.id === packaged.model) as StepOf<'train'>
  }
  const idFor = (kind: string): string => {
    const taken = steps.filter((step) => step.kind === kind).length
    return taken === 0 ? kind : `${kind}-${taken + 1}`
  }
  const p: Builder = {
    snapshot(id, { from, schema, format }) {
      const columns = rowSchemaOf(schema)
      add({ id, kind: 'snapshot', from, format: format ?? requireFormat(from), schema: columns })
      return { kind: 'table', id, schema: columns }
    },
    validate(table, { maxBadRows = 0, completeness = {}, unique = [] } = {}) {
      const id = add({
        id: idFor('validate'),
        kind: 'validate',
        table: table.id,
        schema: table.schema,
        maxBadRows,
        completeness: completeness as Record<string, number>,
        unique: unique.map((columns) => [...columns]),
      })
      return { kind: 'table', id, schema: table.schema }
    },
    split(table, rule) {
      const id = add({ id: idFor('split'), kind: 'split', table: table.id, rule: splitRuleOf(rule) })
      const part = <P extends 'train' | 'validation' | 'test'>(which: P) => ({ kind: 'part' as const, id, part: which })
      return {
        kind: 'split',
        id,
        schema: table.schema,
        train: part('train'),
        validation: part('validation'),
        test: part('test'),
      }
    },
    train(id, { on, features, target, crosses, weight, learner, seed }) {
      if ((weight as string | undefined) === target.column)
        throw new SlipwayError('DEFINITION_INVALID', `"${weight}" is both the target and the weight of "${id}"`, {
          next: 'weigh rows by another column',
        })
      add({
        id,
        kind: 'train',
        split: on.id,
        task: target.task,
        inputs: on.schema.filter(({ name }) => name !== target.column && name !== weight),
        features: codeOf(features as UserFunction, 'features'),
        target:
          target.code === undefined
            ? { column: target.column }
            : { column: target.column, code: codeOf(target.code as UserFunction, 'target') },
        ...(crosses !== undefined && { crosses: crosses.map((of) => [...of]) }),
        ...(weight !== undefined && { weight }),
        learner,
        seed,
      })
      return { kind: 'model', id }
    },
    package(model, { parity = 1e-5, signature = 1 } = {}) {
      const id = add({ id: idFor('package'), kind: 'package', model: model.id, parity, signature })
      packages.push(id)
      return { kind: 'package', id }
    },
    gate(candidate, { on, must, seed = 0 }) {
      const checks = must.map(({ check }) => check)
      const slices = [...new Set(checks.flatMap(({ slice }) => slice ?? []))].sort()
      const { task, target } = trainingOf(candidate.id)
      const evaluation = add({
        id: idFor('evaluate'),
        kind: 'evaluate',
        package: candidate.id,
        split: on.id,
        part: on.part,
        slices,
        task,
        target,
      })
      add({ id: idFor('gate'), kind: 'gate', package: candidate.id, evaluation, model: name, must: checks, seed })
    },
    approve(candidate, { role, within, otherwise }) {
      const withinMs = durationMs(within)
      add({ id: idFor('approve'), kind: 'approve', package: candidate.id, role, withinMs, otherwise })
    },
    deploy(candidate, options) {
      const { endpoint } = options
      const id = deploys.length === 0 ? 'deploy' : `deploy-${deploys.length + 1}`
      if (deploys.some((step) => step.package === candidate.id && step.endpoint === endpoint)) {
        throw new SlipwayError('DEFINITION_INVALID', `pipeline "${name}" deploys one package to "${endpoint}" twice`, {
          next: 'leave one p.deploy out',
        })
      }
      deploys.push({ id, kind: 'deploy', package: candidate.id, model: name, endpoint, policy: policyOf(options) })
      return { kind: 'endpoint', id, endpoint }
    },
    monitor(live, options) {
      const deployed = deploys.find(({ id }) => id === live.id) as StepOf<'deploy'>
      const training = trainingOf(deployed.package)
      const split = steps.find((step) => step.id === training.split) as StepOf<'split'>
      const policy = monitorPolicyOf(options)
      if (policy.retrain !== null) {
        const { margin, alpha } = policy.retrain
        guards.push({
          id: guards.length === 0 ? 'never-worse' : `never-worse-${guards.length + 1}`,
          kind: 'guard',
          package: deployed.package,
          split: training.split,
          endpoint: live.endpoint,
          task: training.task,
          target: training.target,
          margin,
          alpha,
        })
      }
      monitors.push({
        id: monitors.length === 0 ? 'monitor' : `monitor-${monitors.length + 1}`,
        kind: 'monitor',
        package: deployed.package,
        model: name,
        endpoint: live.endpoint,
        policy,
        time: split.rule.by === 'age' ? split.rule.column : null,
      })
    },
    batch(live, batchName, options) {
      const deployed = deploys.find(({ id }) => id === live.id) as StepOf<'deploy'>
      if (batches.some((step) => step.name === batchName))
        throw new SlipwayError('DEFINITION_INVALID', `pipeline "${name}" has two batches "${batchName}"`, {
          next: 'give one of them another name',
        })
      batches.push({
        id: batches.length === 0 ? 'batch' : `batch-${batches.length + 1}`,
        kind: 'batch',
        package: deployed.package,
        model: name,
        endpoint: live.endpoint,
        name: batchName,
        policy: batchPolicyOf(batchName, options),
      })
    },
  }
  define(p)
  // Whatever is registered has passed, the guard's tests included; people are asked before.
  for (const step of guards) add(step)
  for (const id of packages) add({ id: idFor('register'), kind: 'register', package: id, model: name })
  // What is served is what is registered.
  for (const step of [...deploys, ...monitors, ...batches]) add(step)
  const parsed = Plan.safeParse({ slipway: 'plan/1', pipeline: name, steps })
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    const where =
      issue?.path[0] === 'steps'
        ? `step "${steps[Number(issue.path[1])]?.id}", ${issue.path.slice(2).join('.')}`
        : issue?.path.join('.')
    throw new SlipwayError('DEFINITION_INVALID', `pipeline "${name}", ${where}: ${issue?.message}`, {
      next: 'correct the definition',
    })
  }
  return parsed.data
}

function splitRuleOf<Row>(rule: ByTime<Row> | ByAge<Row> | ByHash<Row> | ByStratum<Row>): SplitRule {
  if ('validationFrom' in rule)
    return { by: 'time', column: rule.by, validationFrom: rule.validationFrom, testFrom: rule.testFrom }
  if ('by' in rule) {
    const { by, test, validation, window } = rule
    return {
      by: 'age',
      column: by,
      validationMs: durationMs(validation),
      testMs: durationMs(test),
      windowMs: window === undefined ? null : durationMs(window),
      until: null,
    }
  }
  const { validation, test, seed = 0 } = rule
  if ('byHashOf' in rule) return { by: 'hash', column: rule.byHashOf, validation, test, seed }
  return { by: 'stratum', column: rule.stratifiedBy, validation, test, seed }
}

/** @throws SlipwayError DEFINITION_INVALID */
function requireFormat(from: string): TableFormat {
  const format = formatOf(from)
  if (format !== undefined) return format
  throw new SlipwayError('DEFINITION_INVALID', `cannot tell the format of "${from}" from its name`, {
    next: "say format: 'parquet', 'csv' or 'json'",
  })
}
