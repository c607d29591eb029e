import { basename, relative, resolve } from 'node:path'
import { localTable, TableFacts } from '../../lib/data/local-table.ts'
import type { TableFile } from '../../lib/data/table-file.ts'
import { onnx } from '../../lib/definition/learners.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import type { Task } from '../../lib/formats/plan.ts'
import { Name } from '../../lib/formats/step-id.ts'
import { getBundle } from '../../lib/store/objects.ts'
import { findArtifact } from '../artifact.ts'
import { beginRun } from '../begin-run.ts'
import { openContext } from '../context.ts'
import { listenForInterrupt } from '../follow.ts'
import { requireSameInputs } from '../input-version.ts'
import { planRegistration, snapshotStep } from '../registration.ts'
import { rehearsePlan } from '../rehearsal.ts'
import { followAndShow } from './run.ts'

export interface RegisterOptions {
  readonly on: string
  readonly target: string
  readonly task: Task
  readonly name?: string
  readonly feed?: readonly string[]
  readonly output?: string
  readonly class?: string
  readonly endpoint?: string
  readonly wait?: boolean
  readonly json?: boolean
}

/**
 * Registers a finished model by a run of its own: what a pipeline would do with it, on the rows of a snapshot that is
 * there. @returns the exit code
 */
export async function register(file: string, options: RegisterOptions): Promise<number> {
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
  const { target, task, endpoint } = options
  const snapshot = { digest, ...source }
  const planned = await planRegistration(settings.root, { name, learner, task, target, endpoint, snapshot })
  const files = (await localTable(store, digest)).files as readonly TableFile[]
  await rehearsePlan(settings.root, planned, async () => ({ from: 'the snapshot', files, isPart: false }))
  await requireSameInputs(store, planned.plan)
  const interrupt = listenForInterrupt()
  const inputs = { sources: {}, snapshots: { [snapshotStep]: digest } }
  const begun = await beginRun(context, planned, inputs, interrupt).catch((error: unknown) => {
    interrupt.stopListening()
    throw error
  })
  return (await followAndShow(context, begun, name, options, interrupt)).code
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
