import { join } from 'node:path'
import { bundleFunction } from '../lib/code/bundle.ts'
import { packageRoot } from '../lib/code/host.ts'
import type { PlannedPipeline } from '../lib/code/plan.ts'
import { withDefaultGates } from '../lib/definition/default-gate.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { OnnxLearner } from '../lib/formats/learner.ts'
import { Plan, type Step, type Task } from '../lib/formats/plan.ts'
import { isText, type RowSchema } from '../lib/formats/row-schema.ts'
import type { CsvOptions, TableFormat } from '../lib/formats/table-format.ts'
import { readModelFile } from '../lib/jobs/model-files.ts'
import { byDefinition } from '../lib/learners/finished/brought.ts'
import { feedsOf, type KnownFeature } from '../lib/learners/finished/feeds.ts'
import { readModel } from '../lib/learners/finished/open.ts'
import { digestOf } from '../lib/store/digest.ts'
import { type Deployment, deploymentSteps } from './deployment.ts'

/** Tasks of models that are registered without a pipeline: a ranking needs one, which says what its groups are. */
export type Registrable = Exclude<Task, 'ranking'>

/** A finished model that is to be registered without a pipeline. */
export interface Registration {
  readonly name: string
  readonly learner: OnnxLearner
  readonly task: Registrable
  readonly target: string
  /** Where it is to be served, and how it gets there. */
  readonly deploy: Deployment | undefined
  /** The snapshot that its baseline is made of. */
  readonly snapshot: CsvOptions & { readonly digest: string; readonly format: TableFormat; readonly schema: RowSchema }
}

/** The step of the plan that takes the snapshot. */
export const snapshotStep = 'rows'
/** The parts of the rows: what the baseline, the parity and the default gate are made on. */
const shares = { validation: 0.2, test: 0.2, seed: 0 }

/**
 * The plan of a registration: that of a pipeline whose features are the columns that the model takes.
 * @param root where the path of the file begins
 * @throws SlipwayError MODEL_INVALID where the columns do not fit the model, COLUMN_MISSING
 */
export async function planRegistration(root: string, registration: Registration): Promise<PlannedPipeline> {
  const { name, learner, task, target, deploy, snapshot } = registration
  const { digest: _, ...source } = snapshot
  requireTarget(registration)
  const model = await readModelFile(root, learner)
  const others = source.schema.filter((column) => column.name !== target)
  const known = others.map(
    (column): KnownFeature => ({ name: column.name, kind: isText(column) ? 'category' : 'number' }),
  )
  const brought = byDefinition(learner)
  const feeds = feedsOf(brought, readModel(brought, model).graph, known)
  const used = new Set(feeds.flatMap(({ features }) => features))
  const bundle = await bundleFunction(packageRoot, join(packageRoot, 'lib/definition/all-columns.ts'), 'allColumns')
  const features = {
    name: 'allColumns',
    file: 'lib/definition/all-columns.ts',
    digest: digestOf(bundle.code),
    host: {},
  }
  const digest = digestOf(model)
  const steps: Step[] = [
    { id: snapshotStep, kind: 'snapshot', from: `snapshot:${snapshot.digest}`, ...source },
    { id: 'split', kind: 'split', table: snapshotStep, rule: { by: 'random', ...shares } },
    {
      id: 'model',
      kind: 'train',
      split: 'split',
      task,
      inputs: others.filter((column) => used.has(column.name)),
      features,
      target: { column: target },
      learner: { ...learner, model: digest },
      seed: 0,
    },
    { id: 'package', kind: 'package', model: 'model', parity: 1e-5, signature: 1 },
  ]
  const plan = Plan.parse({
    slipway: 'plan/1',
    pipeline: name,
    steps: [
      ...withDefaultGates(steps, new Set(), name),
      { id: 'register', kind: 'register', package: 'package', model: name },
      ...deploymentSteps(name, deploy),
    ],
  })
  const bundles = new Map([[features.digest, { ...bundle, name: `${features.file}#${features.name}` }]])
  return { plan, bundles, sources: [], models: new Map([[digest, model]]) }
}

const targets = {
  binary: 'a binary target is 0 and 1 or truth values',
  multiclass: 'classes are texts or whole numbers',
  regression: 'a regression predicts a number',
  quantiles: 'quantiles are of a number',
} as const

/** @throws SlipwayError COLUMN_MISSING, COLUMN_TYPE */
function requireTarget({ task, target, snapshot: { schema } }: Registration): void {
  const column = schema.find(({ name }) => name === target)
  if (column === undefined)
    throw new SlipwayError('COLUMN_MISSING', `--target ${target}: the snapshot has no such column`, {
      next: `it has ${schema.map(({ name }) => name).join(', ')}`,
    })
  if (column.type !== 'timestamp' && (task === 'multiclass' || !isText(column))) return
  throw new SlipwayError('COLUMN_TYPE', `--target ${target}: that is a ${column.type} column`, {
    next: `${targets[task]}; make it one in a pipeline`,
  })
}
