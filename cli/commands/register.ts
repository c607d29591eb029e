import { basename, relative, resolve } from 'node:path'
import { findArtifact } from '../../client/artifact.ts'
import { beginRun, type RunInputs } from '../../client/begin-run.ts'
import type { ClientContext } from '../../client/context.ts'
import { requireSameInputs } from '../../client/input-version.ts'
import { rehearsePlan } from '../../client/rehearsal.ts'
import type { PlannedPipeline } from '../../lib/code/plan.ts'
import { localTable, TableFacts } from '../../lib/data/local-table.ts'
import type { TableFile } from '../../lib/data/table-file.ts'
import { onnx } from '../../lib/definition/learners.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { Name } from '../../lib/formats/step-id.ts'
import { getBundle } from '../../lib/store/objects.ts'
import { openContext } from '../context.ts'
import { type DeploymentOptions, requireDeployment } from '../deployment-options.ts'
import { modelFile } from '../fetched-model.ts'
import { listenForInterrupt } from '../interrupt.ts'
import { planRegistration, type Registrable, snapshotStep } from '../registration.ts'
import { planTensors } from '../tensor-registration.ts'
import { followAndShow } from './run.ts'

/** What is said of a model of rows only. */
interface RowOptions {
  readonly on: string
  readonly target: string
  readonly task: Registrable
  readonly feed?: readonly string[]
  readonly output?: string
  readonly class?: string
}

export interface RegisterOptions extends Partial<RowOptions>, DeploymentOptions {
  readonly samples?: string
  readonly name?: string
  readonly inputVersion?: string
  readonly wait?: boolean
  readonly json?: boolean
}

/**
 * Registers a finished model by a run of its own, as a pipeline would: one of rows on those of a snapshot that is
 * there, one of tensors alone without any. @returns the exit code
 */
export async function register(what: string, given: RegisterOptions): Promise<number> {
  requireDeployment(given)
  const { file, name } = await modelFile(openContext().settings.root, what)
  const options = name === undefined || given.name !== undefined ? given : { ...given, name: nameOf(`${name}.onnx`) }
  const { on, target, task, samples, inputVersion } = options
  if (on === undefined) return registerTensors(file, options)
  if (target === undefined || task === undefined)
    throw new SlipwayError('USAGE', `--on ${on}: --target and --task are missing`, {
      next: 'say which column of the snapshot it predicts, and whether that is binary or a regression',
    })
  const ofTensors = samples === undefined ? inputVersion && '--input-version' : '--samples'
  if (ofTensors !== undefined)
    throw new SlipwayError('USAGE', `${ofTensors} is of models of tensors, which have no snapshot`, {
      next: 'leave one of the two out',
    })
  return registerRows(file, { ...options, on, target, task })
}

/** A model of tensors alone: its baseline are its answers to sample inputs. */
async function registerTensors(file: string, options: RegisterOptions): Promise<number> {
  for (const option of ['target', 'task', 'feed', 'output', 'class'] as const)
    if (options[option] !== undefined)
      throw new SlipwayError('USAGE', `--${option} is of models of rows, and without --on there are none`, {
        next: 'say --on <snapshot>, or leave it out for a model of tensors',
      })
  const context = openContext()
  const { root } = context.settings
  const { samples, inputVersion } = options
  const name = options.name ?? nameOf(file)
  const planned = await planTensors(root, {
    name,
    file: relative(root, resolve(file)),
    samples: samples === undefined ? undefined : relative(root, resolve(samples)),
    inputVersion: Number(inputVersion ?? 1),
    deployment: options,
  })
  return startAndFollow(context, planned, { sources: {}, snapshots: {} }, options)
}

async function registerRows(file: string, options: RegisterOptions & RowOptions): Promise<number> {
  const context = openContext()
  const { settings, store } = context
  const digest = await findArtifact(store, options.on.replace(/^sha256:/, ''))
  if (digest === undefined)
    throw new SlipwayError('NOT_FOUND', `--on ${options.on}: there is no such snapshot`, {
      next: 'slipway show <run> names the snapshot of a run',
    })
  const { facts } = await getBundle(store, digest, 'snapshot')
  const { files: _, rows: __, ...source } = TableFacts.parse(facts)
  const name = options.name ?? nameOf(file)
  const learner = onnx(relative(settings.root, resolve(file)), {
    ...(options.feed !== undefined && { inputs: Object.fromEntries(options.feed.map(feedIn)) }),
    ...(options.output !== undefined && { output: options.output }),
    ...(options.class !== undefined && { class: options.class }),
  })
  const { target, task } = options
  const snapshot = { digest, ...source }
  const planned = await planRegistration(settings.root, { name, learner, task, target, deployment: options, snapshot })
  const files = (await localTable(store, digest)).files as readonly TableFile[]
  await rehearsePlan(settings.root, planned, async () => ({ from: 'the snapshot', files, isPart: false }))
  return startAndFollow(context, planned, { sources: {}, snapshots: { [snapshotStep]: digest } }, options)
}

async function startAndFollow(
  context: ClientContext,
  planned: PlannedPipeline,
  inputs: RunInputs,
  options: RegisterOptions,
): Promise<number> {
  await requireSameInputs(context.store, planned)
  const interrupt = listenForInterrupt()
  const begun = await beginRun(context, planned, inputs, interrupt).catch((error: unknown) => {
    interrupt.stopListening()
    throw error
  })
  return (await followAndShow(context, begun, planned.plan.pipeline, options, interrupt)).code
}

/** `X=wind,temp_min`: one column by itself, several as a list. */
function feedIn(text: string): [input: string, columns: string | string[]] {
  const [input = '', columns = ''] = text.split('=')
  const names = columns.split(',').map((column) => column.trim())
  return [input, names.length === 1 ? (names[0] as string) : names]
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
