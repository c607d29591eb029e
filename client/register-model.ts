import { basename, relative, resolve } from 'node:path'
import type { PlannedPipeline } from '../lib/code/plan.ts'
import { localTable, TableFacts } from '../lib/data/local-table.ts'
import type { TableFile } from '../lib/data/table-file.ts'
import { onnx } from '../lib/definition/learners.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import { Name } from '../lib/formats/step-id.ts'
import { getBundle } from '../lib/store/objects.ts'
import { findArtifact } from './artifact.ts'
import { type BegunRun, beginRun, type RunInputs } from './begin-run.ts'
import type { ClientContext } from './context.ts'
import type { Deployment } from './deployment.ts'
import { modelFile } from './fetched-model.ts'
import { requireSameInputs } from './input-version.ts'
import { planRegistration, type Registrable, snapshotStep } from './registration.ts'
import { rehearsePlan } from './rehearsal.ts'
import { planTensors } from './tensor-registration.ts'

interface Registration {
  /** What it is registered as; by default as its file is called. */
  readonly name?: string
  /** Where it is served; by default nowhere. */
  readonly deploy?: Deployment
}

/** A finished model of rows that is registered: on those of a snapshot, which become its baseline. */
export interface RowRegistration extends Registration {
  /** The digest of the snapshot, or its first digits. */
  readonly on: string
  /** The column of what it predicts. */
  readonly target: string
  readonly task: Registrable
  /** The column or columns that feed an input, where it is not called as they are. */
  readonly feed?: Readonly<Record<string, string | string[]>>
  /** The output that holds its scores, where several could. */
  readonly output?: string
  /** Of several scores a row the class that counts, or its column, from 0. */
  readonly class?: string
}

/** A finished model of tensors alone that is registered. */
export interface TensorRegistration extends Registration {
  readonly on?: never
  /** A file of inputs, whose answers are its baseline. */
  readonly samples?: string
  /** Raised where the champion takes other inputs; 1. */
  readonly inputVersion?: number
}

/** How a finished model is registered: one of rows, or one of tensors alone. */
export type RegistrationWanted = RowRegistration | TensorRegistration

/** A run that registers a finished model, and what that will be called. */
export interface BegunRegistration extends BegunRun {
  readonly model: string
}

/**
 * Registers a finished ONNX model by a run of its own, as a pipeline would and as `slipway register` does.
 * @param file its path, or `models:/…` of MLflow or Unity Catalog
 * @param interrupt whether somebody has asked meanwhile that it is not begun
 * @throws SlipwayError NOT_FOUND for a snapshot that is not there; what is wrong with the model; INTERRUPTED
 */
export async function registerModel(
  context: ClientContext,
  file: string,
  wanted: RegistrationWanted = {},
  interrupt: { readonly happened: boolean } = { happened: false },
): Promise<BegunRegistration> {
  const { root } = context.settings
  const fetched = await modelFile(root, file)
  const name = wanted.name ?? nameOf(fetched.name === undefined ? fetched.file : `${fetched.name}.onnx`)
  const { planned, inputs } =
    wanted.on === undefined
      ? await ofTensors(root, name, fetched.file, wanted)
      : await ofRows(context, name, fetched.file, wanted)
  await requireSameInputs(context.store, planned)
  return { ...(await beginRun(context, planned, inputs, interrupt)), model: name }
}

interface Planned {
  readonly planned: PlannedPipeline
  readonly inputs: RunInputs
}

const fromRoot = (root: string, file: string): string => relative(root, resolve(file))

async function ofTensors(
  root: string,
  name: string,
  file: string,
  { samples, inputVersion = 1, deploy }: TensorRegistration,
): Promise<Planned> {
  const planned = await planTensors(root, {
    name,
    file: fromRoot(root, file),
    samples: samples === undefined ? undefined : fromRoot(root, samples),
    inputVersion,
    deploy,
  })
  return { planned, inputs: { sources: {}, snapshots: {} } }
}

async function ofRows(
  { settings: { root }, store }: ClientContext,
  name: string,
  file: string,
  { on, target, task, feed, output, class: counted, deploy }: RowRegistration,
): Promise<Planned> {
  const digest = await findArtifact(store, on.replace(/^sha256:/, ''))
  if (digest === undefined)
    throw new SlipwayError('NOT_FOUND', `--on ${on}: there is no such snapshot`, {
      next: 'slipway show <run> names the snapshot of a run',
    })
  const { facts } = await getBundle(store, digest, 'snapshot')
  const { files: _, rows: __, ...source } = TableFacts.parse(facts)
  const learner = onnx(fromRoot(root, file), {
    ...(feed !== undefined && { inputs: feed }),
    ...(output !== undefined && { output }),
    ...(counted !== undefined && { class: counted }),
  })
  const snapshot = { digest, ...source }
  const planned = await planRegistration(root, { name, learner, task, target, deploy, snapshot })
  const files = (await localTable(store, digest)).files as readonly TableFile[]
  await rehearsePlan(root, planned, async () => ({ from: 'the snapshot', files, isPart: false }))
  return { planned, inputs: { sources: {}, snapshots: { [snapshotStep]: digest } } }
}

/** What a model is called after its file. @throws SlipwayError USAGE */
function nameOf(file: string): string {
  const name = basename(file)
    .replace(/\.[^.]*$/, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
  if (Name.safeParse(name).success) return name
  throw new SlipwayError('USAGE', `"${basename(file)}" makes no name for a model`, { next: 'say --name <model>' })
}
