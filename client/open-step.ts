import { readFile } from 'node:fs/promises'
import { loadFunction } from '../lib/code/load.ts'
import { localCode } from '../lib/code/local-code.ts'
import { nearest } from '../lib/code/nearest.ts'
import { localTable } from '../lib/data/local-table.ts'
import type { LocalTable } from '../lib/data/table.ts'
import { wholeColumns } from '../lib/data/whole-columns.ts'
import { Bundle } from '../lib/formats/artifact.ts'
import type { Column, UserFunction } from '../lib/formats/columns.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { CodeRef, Plan, Step } from '../lib/formats/plan.ts'
import { outlineOf } from '../lib/formats/plan-outline.ts'
import type { RunRecord } from '../lib/formats/records.ts'
import { digestsOf, inputsOf, type StepOutcome, stepOf } from '../lib/formats/step-inputs.ts'
import { kindOf } from '../lib/formats/step-kinds/index.ts'
import { type LoadedModel, loadModel } from '../lib/models/model.ts'
import { localModel, type PackageSource } from '../lib/models/package.ts'
import { localFile } from '../lib/store/objects.ts'
import { getPlan } from '../lib/store/plans.ts'
import { readStepRecord } from '../lib/store/steps.ts'
import { trustedKeysOf } from '../workers/settings.ts'
import type { StoreContext } from './context.ts'
import { requireEndedRun } from './ended-run.ts'

/** What a step reads, as something to work with: a table, a model, or a file. */
export type StepInput =
  | ({
      readonly kind: 'table'
      readonly digest: string
      columns(...names: string[]): Promise<Record<string, Column>>
    } & LocalTable)
  | ({ readonly kind: 'model'; readonly digest: string } & Omit<LoadedModel, 'withFreshCode' | 'release'>)
  | { readonly kind: 'file'; readonly digest: string; readonly file: string; json(): Promise<unknown> }

/** A step of a run that ended, with exactly what it read. */
export interface OpenStep {
  readonly run: RunRecord
  readonly step: Step
  readonly plan: Plan
  readonly inputs: Readonly<Record<string, StepInput>>
  /** The user's functions that it runs, as they were bundled: `features`, `target`. */
  readonly functions: Readonly<Record<string, UserFunction>>
}

/**
 * Opens a step of a run that has ended, as `slipway shell` does.
 * @throws SlipwayError NOT_FOUND where no such run has ended, or it did not get that far; USAGE where it has no such
 *   step
 */
export async function openStep({ settings, store }: StoreContext, runId: string, id: string): Promise<OpenStep> {
  const run = await requireEndedRun(store, runId)
  const source = { store, trusted: trustedKeysOf(settings) }
  const plan = await getPlan(store, run.plan.digest)
  const step = plan.steps.find((each) => each.id === id)
  if (step === undefined) {
    const known = plan.steps.map((each) => each.id)
    const meant = nearest(id, known)
    throw new SlipwayError('USAGE', `--at ${id}: run ${run.runId} has no step "${id}"; it has ${known.join(', ')}`, {
      next: meant === undefined ? undefined : `did you mean --at ${meant}?`,
    })
  }
  const inputs: Record<string, StepInput> = {}
  for (const [name, digest] of Object.entries(await digestsRead(source, run, plan, step)))
    if (digest.startsWith('sha256:')) inputs[name] = await openInput(source, digest)
  const functions: Record<string, UserFunction> = {}
  for (const [role, ref] of Object.entries(codeOf(plan, step))) functions[role] = await openFunction(source, ref)
  return { run, step, plan, inputs, functions }
}

/** From the step's record, which knows a gate's champion too; of a step that failed, what those before it made. */
async function digestsRead(
  { store }: PackageSource,
  run: RunRecord,
  plan: Plan,
  step: Step,
): Promise<Record<string, string>> {
  const report = run.steps.find(({ name }) => name === step.id)
  if (report !== undefined && report.stepKey !== '') {
    const record = await readStepRecord(store, report.stepKey)
    if (record !== undefined) return record.material.inputs
  }
  const outline = outlineOf(plan)
  const outcomes = new Map(
    run.steps.map(({ name, stepKey, cached, outputs }): [string, StepOutcome] => [
      name,
      { stepKey, cached, outputs, facts: {} },
    ]),
  )
  try {
    return digestsOf(inputsOf(outline, stepOf(outline, step.id, step.kind), outcomes))
  } catch {
    throw new SlipwayError(
      'NOT_FOUND',
      `run ${run.runId} ended before ${step.id}: what it would have read was not made`,
      {
        next: `it did ${run.steps.map(({ name }) => name).join(', ') || 'nothing'}`,
      },
    )
  }
}

/** Manifests are small. */
const mostManifestBytes = 4_000_000

async function openInput(source: PackageSource, digest: string): Promise<StepInput> {
  const file = await localFile(source.store, digest)
  const bytes = await readFile(file)
  const bundle = bytes.length < mostManifestBytes ? bundleIn(bytes) : undefined
  if (bundle === undefined)
    return { kind: 'file', digest, file, json: async () => JSON.parse(await readFile(file, 'utf8')) }
  if (bundle.kind === 'model') {
    const { withFreshCode: _, release: __, ...model } = await loadModel(await localModel(source, digest))
    return { kind: 'model', digest, ...model }
  }
  const table = await localTable(source.store, digest)
  return {
    kind: 'table',
    digest,
    ...table,
    columns: (...names) => wholeColumns(table, names.length === 0 ? undefined : names),
  }
}

function bundleIn(bytes: Buffer): Bundle | undefined {
  try {
    return Bundle.parse(JSON.parse(bytes.toString('utf8')))
  } catch {
    return undefined
  }
}

/** A package is made with the functions of the step that trained its model. */
function codeOf(plan: Plan, step: Step): Record<string, CodeRef> {
  if (step.kind === 'package') return codeOf(plan, stepOf(plan, step.model, 'train'))
  const code = Object.entries(kindOf(step).code?.(step) ?? {})
  return Object.fromEntries(code.flatMap(([role, ref]) => (ref === undefined ? [] : [[role, ref]])))
}

async function openFunction(source: PackageSource, ref: CodeRef): Promise<UserFunction> {
  const { file, digest } = await localCode(source, ref)
  return loadFunction(await readFile(file, 'utf8'), digest)
}
