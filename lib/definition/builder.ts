import type { z } from 'zod'
import type { ColumnsOf, FeatureColumns, UserFunction } from '../formats/columns.ts'
import type { ProgramLearner } from '../formats/learner.ts'
import type { CodeRef, Plan, Task } from '../formats/plan.ts'
import type { RegistryMirror } from '../formats/registry-mirror.ts'
import type { ProcessingProgram } from '../formats/step-program.ts'
import type { CsvOptions, TableFormat } from '../formats/table-format.ts'
import type { AnswerFunction } from './answer.ts'
import type { Backtest, BacktestDays } from './backtest.ts'
import type { BatchOptions } from './batch.ts'
import { compilePlan } from './compile-plan.ts'
import type { DeployOptions } from './deploy.ts'
import type {
  Joined,
  JoinTimes,
  SharedKeys,
  StepArguments,
  StepHandles,
  StepInputs,
  StepOutputs,
  StepResult,
  TableFunction,
  Tables,
  ViewRows,
} from './derived.ts'
import type { Duration } from './duration.ts'
import type { Explain } from './explain.ts'
import type { Gate } from './gates.ts'
import type { Endpoint, Model, Names, Package, Part, Split, SplitBy, Table, TensorPackage, View } from './handles.ts'
import type { MonitorOptions } from './monitor.ts'
import type { OptimiseModel, OptimiseTensorModel } from './optimise.ts'
import type { OwnGate } from './own-measures.ts'
import type { TrainOptions } from './training.ts'

/** Records the steps of a pipeline. Every method returns a typed handle for the next ones. */
export interface Builder {
  /**
   * Fixes the exact bytes a run reads: a file, a folder or a glob of files, in parquet, CSV or JSON, packed or not.
   * Paths start at the project folder; folders such as `year=2024/` are columns. CSV has commas and a header unless it
   * is said; `na` names texts of its cells that stand for a missing value. `from` may also be `s3://…`, `https://…` or
   * the path of a `.dvc` file. Where files are dated, `{date}` stands for the day in `from`, and `last: '90d'` reads
   * those of so many days, the last of them the day of the run (UTC).
   */
  snapshot<S extends z.ZodObject>(
    name: string,
    options: {
      from: string
      schema: S
      last?: Duration
      format?: TableFormat
      na?: readonly string[]
    } & CsvOptions,
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
  /**
   * Makes a table of others by SQL: one SELECT (DuckDB's) that reads the tables by their names and nothing else, no
   * file, no clock, no chance. Rows are kept in the order of their values, or in the order it says.
   */
  table<S extends z.ZodObject, const From extends Tables>(
    name: string,
    options: { from: From; sql: string; schema: S },
  ): Table<z.output<S>>
  /**
   * Makes a table of others by a function, a named export, over whole columns in memory: the tables of a list are its
   * arguments.
   */
  table<S extends z.ZodObject, const From extends Tables, Run extends (...tables: never) => unknown>(
    name: string,
    options: { from: From; run: Run & TableFunction<From, z.output<S>, Run>; schema: S },
  ): Table<z.output<S>>
  /**
   * Makes a table as `table` does, and publishes it as a view: pipelines that name the same view share it. One that has
   * another definition of it than is published is refused. `key` names a row; where rows of a key become known one
   * after another, `known` is the column that says when.
   */
  feature<S extends z.ZodObject, const From extends Tables, const Key extends keyof z.output<S> & string>(
    name: string,
    options: { from: From; sql: string; schema: S } & ViewRows<z.output<S>, Key>,
  ): View<z.output<S>, Key>
  /** The same by a function. */
  feature<
    S extends z.ZodObject,
    const From extends Tables,
    Run extends (...tables: never) => unknown,
    const Key extends keyof z.output<S> & string,
  >(
    name: string,
    options: { from: From; run: Run & TableFunction<From, z.output<S>, Run>; schema: S } & ViewRows<z.output<S>, Key>,
  ): View<z.output<S>, Key>
  /**
   * Joins two tables in time: each left row with the newest right row that had happened and was known by then, equal
   * times included; nulls where there was none. `prefix` stands before the names of the right table's columns.
   */
  join<Left, Right, const On extends SharedKeys<Left, Right>, const Prefix extends string = ''>(
    left: Table<Left>,
    right: Table<Right>,
    options: { on: readonly On[]; asOf: JoinTimes<Left, Right>; prefix?: Prefix },
  ): Table<Joined<Left, Right, On, Prefix>>
  /**
   * Runs a function, a named export, in a thread: from tables, as whole columns, and other artifacts, as bytes, to the
   * outputs declared, tables of a schema or things of a media type; or a program, here or as a job on SageMaker.
   */
  step<const Inputs extends StepInputs, const Outputs extends StepOutputs>(
    name: string,
    options: {
      inputs: Inputs
      outputs: Outputs
      run: ((inputs: StepArguments<Inputs>) => StepResult<Outputs>) | ProgramLearner | ProcessingProgram
    },
  ): StepHandles<Outputs>
  /**
   * Cuts the rows into train, validation and test: by time, by age, by a hash, with equal shares of every stratum, or
   * at random.
   */
  split<Row>(table: Table<Row>, rule: SplitBy<Row>): Split<Row>
  /**
   * Trains a model. `features` and the target's function are named exports of a module (they are bundled and stored by
   * digest); `features` gets every column but the target's, the weight's and a ranking's group.
   */
  train<
    Row,
    const Column extends keyof Row & string,
    T extends Task,
    Made extends FeatureColumns,
    const Weight extends Names<Row, number> = never,
    const Group extends Names<Row, string | number | bigint> = never,
  >(
    name: string,
    options: { on: Split<Row> } & TrainOptions<Row, Column, T, Made, Weight, Group>,
  ): Model<Row, T, Omit<Row, Column | Weight | Group>>
  /**
   * Makes the signed model package: ONNX, feature code, schemas, baseline profile, model card. Raise `inputVersion`
   * (default 1) when rows that the champion takes would no longer do. It is a version of the model that is called as
   * the pipeline is, in a branch `<pipeline>-<branch>`; `name` says otherwise. `explain` keeps what explanations of
   * single predictions need. `optimise` fuses the graph or makes its weights int8, measured and within limits. `answer`
   * is a named export that makes one more answer of scores and rows: a threshold, a rounding, a rule; it travels with
   * the model as the feature function does.
   */
  package<Row, T extends Task, Seen = Row>(
    model: Model<Row, T, Seen>,
    options?: {
      parity?: number
      inputVersion?: number
      name?: string
      explain?: boolean | Explain
      optimise?: OptimiseModel
      answer?: AnswerFunction<NoInfer<Seen>, NoInfer<T>>
    },
  ): Package<Row, T>
  /**
   * Takes a finished ONNX model of tensors alone as it is, an image or text encoder, without rows or features: it is
   * deployed, rolled out, compared in the shadow and watched on its outputs. `samples` is a file of inputs; the answers
   * to them are its baseline profile. Paths begin at the project.
   */
  tensors(
    file: string,
    options?: { samples?: string; inputVersion?: number; name?: string; optimise?: OptimiseTensorModel },
  ): TensorPackage
  /**
   * Scores the package on a part and checks the result; a gate that fails ends the run and keeps the champion. Where no
   * check of a package compares it with the champion, one is added (1 % of the champion's value, confidence 0.9),
   * unless `champion: 'not compared'` says otherwise.
   */
  gate<Row, T extends Task>(
    candidate: Package<Row, T>,
    options: {
      on: Part<Row>
      must: readonly (Gate<NoInfer<T>, keyof NoInfer<Row> & string, ColumnsOf<NoInfer<Row>>> | OwnGate)[]
      champion?: 'not compared'
      seed?: number
    },
  ): void
  /**
   * Puts the package into a registry elsewhere as well, `sagemakerRegistry({ … })`: with its metrics, digests and card,
   * before somebody is asked about it. Who approves or rejects it there decides as `slipway approve` and `reject` do,
   * and what is decided here is written there; a refusal wins.
   */
  mirror<Row, T extends Task>(candidate: Package<Row, T>, registry: RegistryMirror): void
  /** Waits for a person: `slipway approve <run>`. */
  approve<Row, T extends Task>(
    candidate: Package<Row, T>,
    options: { role: string; within: `${number}${'s' | 'm' | 'h' | 'd'}`; otherwise: 'reject' | 'approve' },
  ): void
  /**
   * Serves the package under a name. The first version takes over at once; every later one by the strategy given, and
   * becomes champion when its rollout says so, not before.
   */
  deploy<Row, T extends Task>(candidate: Package<Row, T>, options: DeployOptions<NoInfer<Row>>): Endpoint<Row, T>
  /**
   * Watches what is served: every so often the telemetry since the last check is compared with the training rows, and
   * with the labels that came. An alarm is reported, and the supervisor of the pipeline retrains where `retrain` says
   * so.
   */
  monitor<Row, T extends Task>(live: Endpoint<Row, T>, options: MonitorOptions): void
  /**
   * Scores tables with the version that the endpoint's champion is when a batch begins: on a schedule, or by `slipway
   * batch`. Every table comes out whole or not at all.
   */
  batch<Row, T extends Task>(live: Endpoint<Row, T>, name: string, options: BatchOptions): void
  /**
   * Trains and judges at several past days, side by side: one table and one chart of how the models did (`slipway show
   * <run>`). What it returns is for gates: `must: [past.worst(auc).atLeast(0.6)]`. Its models are never registered or
   * served.
   */
  backtest<
    Row,
    const Column extends keyof Row & string,
    T extends Task,
    Made extends FeatureColumns,
    const Weight extends Names<Row, number> = never,
    const Group extends Names<Row, string | number | bigint> = never,
  >(
    name: string,
    table: Table<Row>,
    options: BacktestDays<Row> & { train: TrainOptions<Row, Column, T, Made, Weight, Group> },
  ): Backtest<T>
  /**
   * Records the same for every item, a branch each: all of them side by side, and one that fails does not end the
   * others. Steps of a branch have its name in front, `east/split`; what it packages is registered as
   * `<pipeline>-east`.
   * @param items names, or objects with a name
   * @param define records a branch; what it returns is returned by name
   */
  each<const Item extends string | { readonly name: string }, Made>(
    items: readonly Item[],
    define: (p: Builder, item: Item) => Made,
  ): { readonly [Name in NameOf<Item>]: Made }
}

type NameOf<Item> = Item extends string
  ? Item
  : Item extends { readonly name: infer Name extends string }
    ? Name
    : never

/** What concerns a pipeline as a whole. */
export interface PipelineOptions {
  /** How many steps of a run work at once. Default 4. */
  readonly parallel?: number
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
export function pipeline(name: string, define: (p: Builder) => void): PipelineDefinition
export function pipeline(name: string, options: PipelineOptions, define: (p: Builder) => void): PipelineDefinition
export function pipeline(
  name: string,
  ...rest: [define: (p: Builder) => void] | [options: PipelineOptions, define: (p: Builder) => void]
): PipelineDefinition {
  const [options, define] = rest.length === 1 ? [{}, rest[0]] : rest
  return { slipway: 'pipeline/1', name, compile: (codeOf) => compilePlan(name, options, define, codeOf) }
}
