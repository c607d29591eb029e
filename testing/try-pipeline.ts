import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { publishPlan } from '../lib/code/plan.ts'
import type { PipelineDefinition } from '../lib/definition/builder.ts'
import { planAsOf } from '../lib/definition/plan-as-of.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { Plan, Step } from '../lib/formats/plan.ts'
import type { GateResult } from '../lib/formats/records.ts'
import { kindOf } from '../lib/formats/step-kinds/index.ts'
import { openSources } from '../lib/sources/open-sources.ts'
import { findSource, takeSource } from '../lib/sources/take.ts'
import { runLocally } from '../workers/local-run.ts'
import { planned as plannedHere } from '../workers/planned.ts'
import { findRoot } from '../workers/root.ts'
import { memoryStore } from './memory-store.ts'

/** A row as it stands in a source: what its schema takes. Dates and times may be `Date`s. */
export type Row = Readonly<Record<string, unknown>>

/** Where a pipeline is tried, and when. */
export interface TrialOptions {
  /** The project: the folder with `pipelines/`. Default: the nearest one upwards from where the tests run. */
  readonly root?: string
  /** What counts as now where the pipeline splits by age, as ISO time. */
  readonly asOf?: string
}

/** What a step made. */
export interface TriedStep {
  readonly name: string
  readonly kind: string
  /** In one line, as `slipway show` has it. */
  readonly summary: string
  /** Rows it made or read, where it has rows. */
  readonly rows: number | undefined
}

/** What became of a pipeline's steps on a few rows. */
export interface Trial {
  readonly steps: readonly TriedStep[]
  readonly gates: readonly GateResult[]
  /** Whether all gates passed: of few rows that says little about the model. */
  readonly passed: boolean
}

/**
 * Carries a pipeline out on a few rows in this process, up to its gates, as a run would: contract, split, features,
 * target, training, parity of the package, gates. No server is asked, and nothing stays behind.
 * @param pipeline what `pipelines/<name>/pipeline.ts` exports, or its name
 * @param rows of its source; by the names of its snapshots where it has several
 * @throws SlipwayError what the run would end with: DATA_CONTRACT, FEATURES_LENGTH, …
 */
export async function tryPipeline(
  pipeline: PipelineDefinition | string,
  rows: readonly Row[] | Readonly<Record<string, readonly Row[]>>,
  { root = findRoot(), asOf }: TrialOptions = {},
): Promise<Trial> {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-trial-'))
  try {
    const store = memoryStore(join(folder, 'cache'))
    const name = typeof pipeline === 'string' ? pipeline : pipeline.name
    const found = await plannedHere(root, store, name, {})
    const dated = asOf === undefined ? found.plan : planAsOf(found.plan, asOf)
    const plan = await withRows(dated, rows, folder)
    const { digest } = await publishPlan(store, undefined, { ...found, plan })
    const readable = openSources(store, { root: folder, confined: true })
    const sources: Record<string, string> = {}
    for (const step of snapshotsOf(plan))
      sources[step.id] = await takeSource(store, await findSource(readable, step), step.format)
    const steps: TriedStep[] = []
    const gates: GateResult[] = []
    const order = { plan, planDigest: digest, sources, runId: `${name}-trial`, again: false }
    await runLocally({ root, store, signer: undefined, trusted: new Map() }, order, (step, { facts }) => {
      const counted = typeof facts.rows === 'number' ? facts.rows : undefined
      steps.push({
        name: step.id,
        kind: step.kind,
        summary: kindOf(step).made?.(facts) ?? String(facts.summary ?? ''),
        rows: counted,
      })
      if (step.kind === 'gate') gates.push(...(facts.gates as GateResult[]))
    })
    return { steps, gates, passed: gates.every(({ passed }) => passed) }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const snapshotsOf = ({ steps }: Plan) => steps.filter((step) => step.kind === 'snapshot')

/** A plan that reads the rows it is given in the place of its sources: written as lines of JSON below the folder. */
async function withRows(plan: Plan, rows: Parameters<typeof tryPipeline>[1], folder: string): Promise<Plan> {
  const names = snapshotsOf(plan).map(({ id }) => id)
  const given = Array.isArray(rows)
    ? { [names[0] as string]: rows }
    : (rows as Readonly<Record<string, readonly Row[]>>)
  if (Array.isArray(rows) && names.length !== 1)
    throw new SlipwayError('USAGE', `pipeline "${plan.pipeline}" has ${names.length} snapshots, and rows of one`, {
      next: `name them: { ${names.map((name) => `${name}: [ … ]`).join(', ')} }`,
    })
  const missing = names.filter((name) => given[name] === undefined)
  const unknown = Object.keys(given).filter((name) => !names.includes(name))
  if (missing.length > 0 || unknown.length > 0)
    throw new SlipwayError(
      'USAGE',
      `pipeline "${plan.pipeline}" reads ${names.join(', ')}; ${missing.length > 0 ? `no rows are given for ${missing.join(', ')}` : `rows are given for ${unknown.join(', ')}`}`,
      { next: 'give rows for each of its snapshots by its name' },
    )
  await mkdir(join(folder, 'rows'))
  for (const name of names) {
    const lines = (given[name] as readonly Row[]).map((row) => `${JSON.stringify(row, inJson)}\n`)
    await writeFile(join(folder, 'rows', `${name}.jsonl`), lines.join(''))
  }
  return { ...plan, steps: plan.steps.map(fromRows) }
}

/** The step as it reads those rows. */
function fromRows(step: Step): Step {
  if (step.kind !== 'snapshot') return step
  const { id, kind, schema } = step
  return { id, kind, schema, from: `rows/${id}.jsonl`, format: 'json' }
}

const inJson = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? value.toString() : value)
