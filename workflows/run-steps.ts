import { proxyActivities } from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'
import type { StepOutline } from '../lib/formats/plan-outline.ts'
import { showDuration } from '../lib/formats/show-duration.ts'
import { inputsOf, type StepOutcome } from '../lib/formats/step-inputs.ts'
import { refOf } from '../lib/formats/step-order.ts'
import { approval } from './approval.ts'
import { deploy } from './deploy.ts'
import { outcomeSummary } from './details.ts'
import { judgeStep } from './judge-step.ts'
import { isJudged, takeOver } from './judging.ts'
import type { Stop } from './messages.ts'
import { mirror, mirrored, refusedThere } from './mirror-step.ts'
import { briefly } from './options.ts'
import { publish } from './publish-step.ts'
import { register } from './register-step.ts'
import { type RunState, show } from './run-state.ts'
import { activityOf } from './step-activity.ts'
import { tune } from './tune-step.ts'

/** Hears what a step made, in words too where its kind has none. */
type Report = (outcome: StepOutcome, words?: string) => void

/** Carries out one step. @returns why nothing that follows from it may happen, if so */
export async function carryOut(state: RunState, step: StepOutline): Promise<Stop | undefined> {
  const inputs = inputsOf(state.plan, step, state.outcomes)
  const report = reportOf(state, step)
  switch (step.kind) {
    case 'approve':
      return approval(state, step, report)
    case 'mirror':
      report(await mirror(state, step, inputs))
      return undefined
    case 'register':
      return takeOver(state, step, null, carryOut, async (judgement) => {
        // Plans without a mirror await nothing more than ever: the order of what branches do at once stays.
        const refused = mirrored(state, step.package) && (await refusedThere(state, step))
        if (refused !== undefined) return refused
        report(await register(state, step, inputs, judgement))
        return undefined
      })
    case 'deploy':
      return takeOver(state, step, step.endpoint, carryOut, (judgement) => deploy(state, step, judgement, report))
    case 'monitor':
      await establishMonitor(state, step, report)
      return undefined
    case 'batch':
      await establishBatch(state, step, report)
      return undefined
    case 'publish':
      report(await publish(state, step, inputs))
      return undefined
    case 'tune':
      report(await tune(state, step, inputs))
      return undefined
    case 'guard':
    case 'gate':
      return judgeStep(state, step, inputs, report)
    default:
      report(await activityOf(state, step, inputs))
      return undefined
  }
}

/** What hears of the end of a step that begins now. */
function reportOf(state: RunState, step: StepOutline): Report {
  const startedAt = Date.now()
  return (outcome, words = outcomeSummary(step.kind, outcome.facts)) => {
    const { stepKey, cached, outputs } = outcome
    state.outcomes.set(step.id, outcome)
    state.finished.push({
      name: step.id,
      kind: step.kind,
      cached,
      stepKey,
      seconds: (Date.now() - startedAt) / 1000,
      summary: isJudged(step) ? `${words}${whyAnew(state, step.package)}` : words,
      outputs: [...outputs],
    })
    show(state)
  }
}

/** ` (judged anew: …)` where a package was. */
function whyAnew({ judgements }: RunState, packageId: string): string {
  const anew = judgements.get(packageId)?.anew ?? null
  return anew === null ? '' : ` (${anew})`
}

async function establishMonitor({ input }: RunState, step: StepOutline<'monitor'>, report: Report): Promise<void> {
  const activities = proxyActivities<Activities>({ ...briefly, summary: step.summary })
  await activities.establishMonitor({
    pipeline: input.pipeline,
    run: input.runId,
    step: refOf(input, step),
    plan: input.basePlan ?? input.planDigest,
    isRetraining: input.basePlan !== undefined,
  })
  const summary = `${step.endpoint} is checked every ${showDuration(step.everyMs)}`
  report({ stepKey: '', cached: false, outputs: [], facts: { summary } })
}

async function establishBatch({ input }: RunState, step: StepOutline<'batch'>, report: Report): Promise<void> {
  const { name, cron, from } = step
  const activities = proxyActivities<Activities>({ ...briefly, summary: step.summary })
  await activities.establishBatch({ pipeline: input.pipeline, run: input.runId, step: refOf(input, step) })
  const summary = `${name}: ${cron === null ? 'when asked' : `at ${cron} UTC`}, ${from}`
  report({ stepKey: '', cached: false, outputs: [], facts: { summary } }, summary)
}
