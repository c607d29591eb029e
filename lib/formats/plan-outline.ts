import { describeRule, rulesOf } from './monitor-policy.ts'
import type { Plan, Step, StepKind, StepOf } from './plan.ts'
import { describeStrategy } from './rollout-policy.ts'

/** What a workflow needs of each kind of step, besides its id, its kind and its summary. */
interface Links {
  readonly snapshot: object
  readonly validate: Pick<StepOf<'validate'>, 'table'>
  readonly split: Pick<StepOf<'split'>, 'table'>
  readonly train: Pick<StepOf<'train'>, 'split'> & { readonly isCrossed: boolean }
  readonly package: Pick<StepOf<'package'>, 'model'>
  readonly evaluate: Pick<StepOf<'evaluate'>, 'package' | 'split' | 'part'>
  readonly gate: Pick<StepOf<'gate'>, 'package' | 'evaluation' | 'model'> & { readonly againstChampion: boolean }
  readonly approve: Pick<StepOf<'approve'>, 'package' | 'role' | 'withinMs' | 'otherwise'>
  readonly register: Pick<StepOf<'register'>, 'package' | 'model'>
  readonly deploy: Pick<StepOf<'deploy'>, 'package' | 'endpoint' | 'policy' | 'target'>
  readonly monitor: Pick<StepOf<'monitor'>, 'package' | 'endpoint'> & { readonly everyMs: number }
  readonly guard: Pick<StepOf<'guard'>, 'package' | 'split' | 'endpoint' | 'alpha'>
  readonly batch: Pick<StepOf<'batch'>, 'package' | 'name'> & { readonly cron: string | null; readonly from: string }
}

type OutlineOf<Kind extends StepKind> = Kind extends StepKind
  ? {
      readonly id: string
      readonly kind: Kind
      /** What it is about to do, in a line. */
      readonly summary: string
    } & Links[Kind]
  : never

/** A step as a workflow sees it. */
export type StepOutline<Kind extends StepKind = StepKind> = OutlineOf<Kind>

/**
 * A plan as a workflow sees it: which steps there are, what each reads, and what it decides by. However many columns a table has and
 * whatever they may hold, it is as small; activities read the steps themselves from the store, by the plan's digest.
 */
export interface PlanOutline {
  readonly pipeline: string
  readonly steps: readonly StepOutline[]
}

/** Names a step of a plan in the store. */
export interface StepRef<Kind extends StepKind = StepKind> {
  /** The plan's digest. */
  readonly plan: string
  readonly id: string
  readonly kind: Kind
}

export function outlineOf({ pipeline, steps }: Plan): PlanOutline {
  return { pipeline, steps: steps.map(outlineOfStep) }
}

/** Where a package is deployed to first: what that serves is what the package would replace. Null where it is only registered. */
export function endpointOf({ steps }: PlanOutline, packageId: string): string | null {
  const deploy = steps.find((step) => step.kind === 'deploy' && step.package === packageId)
  return deploy?.kind === 'deploy' ? deploy.endpoint : null
}

function outlineOfStep(step: Step): StepOutline {
  const summary = stepSummary(step).slice(0, 200)
  const { id } = step
  switch (step.kind) {
    case 'snapshot':
      return { id, kind: step.kind, summary }
    case 'validate':
      return { id, kind: step.kind, summary, table: step.table }
    case 'split':
      return { id, kind: step.kind, summary, table: step.table }
    case 'train':
      return { id, kind: step.kind, summary, split: step.split, isCrossed: step.crosses !== undefined }
    case 'package':
      return { id, kind: step.kind, summary, model: step.model }
    case 'evaluate':
      return { id, kind: step.kind, summary, package: step.package, split: step.split, part: step.part }
    case 'gate': {
      const { package: packageId, evaluation, model, must } = step
      const againstChampion = must.some(({ rule }) => rule === 'notWorseThan')
      return { id, kind: step.kind, summary, package: packageId, evaluation, model, againstChampion }
    }
    case 'approve':
    case 'register':
    case 'deploy':
      return { ...step, summary }
    case 'monitor': {
      const { package: packageId, endpoint, policy } = step
      return { id, kind: step.kind, summary, package: packageId, endpoint, everyMs: policy.everyMs }
    }
    case 'guard': {
      const { package: packageId, split, endpoint, alpha } = step
      return { id, kind: step.kind, summary, package: packageId, split, endpoint, alpha }
    }
    case 'batch': {
      const { package: packageId, name, policy } = step
      return { id, kind: step.kind, summary, package: packageId, name, cron: policy.cron, from: policy.from }
    }
  }
}

function stepSummary(step: Step): string {
  switch (step.kind) {
    case 'snapshot':
      return `snapshot • ${step.from}`
    case 'validate':
      return `validate • ${step.schema.length} columns, at most ${step.maxBadRows * 100} % bad rows`
    case 'split':
      return step.rule.by === 'random' ? 'split • at random' : `split • by ${step.rule.by} of ${step.rule.column}`
    case 'train':
      return `train • ${step.learner.trees} trees × ${step.learner.leaves} leaves, seed ${step.seed}`
    case 'package':
      return `package • ONNX, parity ${step.parity}`
    case 'evaluate':
      return `evaluate • on ${step.part}${step.slices.length > 0 ? `, by ${step.slices.join(', ')}` : ''}`
    case 'gate':
      return `gate • ${step.must.length} checks`
    case 'approve':
      return `approve • ${step.role}`
    case 'register':
      return `register • ${step.model}`
    case 'deploy':
      return `deploy • ${step.endpoint}: ${describeStrategy(step.policy)}`
    case 'monitor':
      return `monitor • ${step.endpoint}: ${rulesOf(step.policy).map(describeRule).join(', ')}`
    case 'batch':
      return `batch • ${step.name}: ${step.policy.cron ?? 'when asked'}`
    case 'guard':
      return `never worse • than champion and last approved version by ${step.margin}, alpha ${Number(step.alpha.toPrecision(2))}`
  }
}
