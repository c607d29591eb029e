import type { Plan, Step } from '../lib/formats/plan.ts'
import { endpointOf, outlineOf, type PlanOutline } from '../lib/formats/plan-outline.ts'
import type { RunRecord } from '../lib/formats/records.ts'
import {
  allOf,
  digestsOf,
  inputsOf,
  outputOf,
  readsOf,
  type StepInputs,
  type StepOutcome,
  stepOf,
} from '../lib/formats/step-inputs.ts'
import {
  describeChanges,
  type HostVersions,
  namedInModel,
  type StepMaterial,
  stepMaterial,
} from '../lib/formats/step-key.ts'
import { kindOf } from '../lib/formats/step-kinds/index.ts'
import type { Sources } from '../lib/sources/source.ts'
import { contentIfKnown, findSource } from '../lib/sources/take.ts'
import { findInForce } from '../lib/store/in-force.ts'
import { listRuns, withBranches } from '../lib/store/runs.ts'
import { findStepRecord, readStepRecord, stepKeyOf } from '../lib/store/steps.ts'
import type { Store } from '../lib/store/store.ts'

/** What a step would do if the plan ran now, and why. */
export interface Forecast {
  readonly step: string
  readonly kind: Step['kind']
  readonly state: 'reused' | 'runs' | 'always'
  readonly reason: string
  readonly stepKey: string | null
  /** Of a comparison: why it is not what the other run made; null where it is. Steps that run always have none. */
  readonly differs?: string | null
}

/** The run that a step is compared with: undefined for none. */
export type RunBefore = (step: string) => RunRecord | undefined

/**
 * Goes through a plan as a run would, but looks only. Steps behind one that runs are unknown and said to run.
 * @param against says for each step what it is compared with; without it reasons are those since the newest run
 */
export async function forecast(
  store: Store,
  plan: Plan,
  host: HostVersions,
  sources: Sources,
  against?: RunBefore,
): Promise<Forecast[]> {
  const runBefore = against ?? (await newestRun(store, plan.pipeline))
  const outline = outlineOf(plan)
  const outcomes = new Map<string, StepOutcome>()
  const known = { plan, outline, outcomes, host }
  const forecasts: Forecast[] = []
  for (const step of plan.steps) {
    const say = (state: Forecast['state'], reason: string, stepKey: string | null, differs?: string | null): void => {
      const compared = against === undefined || differs === undefined ? {} : { differs }
      forecasts.push({ step: step.id, kind: step.kind, state, reason, stepKey, ...compared })
    }
    const always = kindOf(step).always?.(step)
    if (always !== undefined) {
      say('always', always, null)
      continue
    }
    const inputs = await knownInputs(store, step, known)
    if (typeof inputs === 'string') {
      const needs = `needs what ${inputs} makes`
      say('runs', needs, null, needs)
      continue
    }
    const extra = await extraKeys(store, step, known, sources)
    if (extra === undefined) {
      const unread = 'some of its files have never been read'
      say('runs', unread, null, unread)
      continue
    }
    const material = stepMaterial(step, { ...digestsOf(inputs), ...extra }, host)
    const stepKey = stepKeyOf(material)
    const record = await findStepRecord(store, stepKey)
    const before = runBefore(step.id)?.steps.find(({ name }) => name === step.id)?.stepKey
    const reason = async (): Promise<string> => reasonToRun(store, before, material)
    if (record !== undefined) {
      outcomes.set(step.id, { stepKey, cached: true, outputs: record.outputs, facts: record.facts })
      const differs = against === undefined || before === stepKey ? null : await reason()
      say('reused', `made by run ${record.run}`, stepKey, differs)
    } else {
      const because = await reason()
      say('runs', because, stepKey, before === stepKey ? null : because)
    }
  }
  return forecasts
}

async function newestRun(store: Store, pipeline: string): Promise<RunBefore> {
  const [newest] = await listRuns(store, pipeline, 1)
  const whole = newest && (await withBranches(store, newest))
  return () => whole
}

/** What is known of a plan while it is gone through. */
interface Known {
  readonly plan: Plan
  readonly outline: PlanOutline
  /** Of the steps that would be reused. */
  readonly outcomes: ReadonlyMap<string, StepOutcome>
  readonly host: HostVersions
}

/** A step's inputs, or the name of the step that must run first. */
async function knownInputs(
  store: Store,
  step: Step,
  { plan, outline, outcomes, host }: Known,
): Promise<StepInputs | string> {
  const outlined = stepOf(outline, step.id, step.kind)
  const missing = Object.values(readsOf(outline, outlined)).find((read) => !outcomes.has(read.step))
  if (missing !== undefined) return missing.step
  const inputs = inputsOf(outline, outlined, outcomes)
  if (step.kind !== 'gate' || !step.must.some(({ rule }) => rule === 'notWorseThan')) return inputs
  const candidate = outputOf(outcomes.get(step.package), 'package').digest
  const { opponent: baseline } = await findInForce(store, step.model, candidate, endpointOf(outline, step.package))
  if (baseline === null) return inputs
  const evaluation = stepOf(plan, step.evaluation, 'evaluate')
  const championInputs = {
    ...digestsOf(inputsOf(outline, stepOf(outline, step.evaluation, 'evaluate'), outcomes)),
    package: baseline.digest,
  }
  const record = await findStepRecord(store, stepKeyOf(stepMaterial(evaluation, championInputs, host)))
  if (record === undefined) return 'the evaluation of the champion'
  return {
    ...inputs,
    ...allOf('opponent', {
      stepKey: record.stepKey,
      cached: true,
      outputs: record.outputs,
      facts: record.facts,
    }),
  }
}

/** What a step's key holds besides its inputs; undefined where only reading its source would tell. */
async function extraKeys(
  store: Store,
  step: Step,
  { plan, outcomes }: { readonly plan: Plan; readonly outcomes: ReadonlyMap<string, StepOutcome> },
  sources: Sources,
): Promise<Readonly<Record<string, string>> | undefined> {
  if (step.kind === 'snapshot') {
    const content = await contentIfKnown(store, await findSource(sources, step))
    return content === undefined ? undefined : { content }
  }
  if (step.kind === 'train') return namedInModel(plan.pipeline)
  if (step.kind === 'package') return { train: outcomes.get(step.model)?.stepKey ?? '' }
  return {}
}

/** Why a step has to run: what differs from the time it ran before. */
async function reasonToRun(store: Store, before: string | undefined, material: StepMaterial): Promise<string> {
  const record = before === undefined ? undefined : await readStepRecord(store, before)
  if (record === undefined) return 'has not run before'
  const changes = describeChanges(record.material, material)
  return changes.length === 0 ? 'what it made is gone from the store' : changes.join(', ')
}

/** Why a step of a run ran: its differences from the same step of an earlier run. */
export async function reasonItRan(store: Store, before: string | undefined, now: string): Promise<string> {
  const record = await readStepRecord(store, now)
  if (record === undefined) return ''
  if (before === now) return 'what it had made was gone from the store'
  return reasonToRun(store, before, record.material)
}
