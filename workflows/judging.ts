import { proxyActivities } from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'
import { exitCodes } from '../lib/formats/errors.ts'
import { type InForce, versionInWords } from '../lib/formats/in-force.ts'
import { endpointOf, type StepOutline } from '../lib/formats/plan-outline.ts'
import { outputOf } from '../lib/formats/step-inputs.ts'
import { asksBySignal } from './ask-owner.ts'
import { refusalOf } from './failures.ts'
import type { Stop } from './messages.ts'
import { briefly } from './options.ts'
import { enter, type RunState } from './run-state.ts'

/**
 * What a package was judged against. All evidence there is of it, gates of both kinds and approvals, is about this and
 * nothing else.
 */
export interface Judgement {
  /** Where it would take over; null where it is only registered. */
  readonly endpoint: string | null
  readonly inForce: InForce
  /** The first, second or third. */
  readonly number: number
  /** Why it was judged anew, in words; null at first. */
  readonly anew: string | null
  /** Set when something it was judged by was about another version already. */
  isStale: boolean
}

const nothingKnown: Judgement = {
  endpoint: null,
  inForce: { champion: null, opponent: null },
  number: 1,
  anew: null,
  isStale: false,
}

/** Then a run gives up: somebody else is always quicker. */
const judgements = 3

type CarryOut = (state: RunState, step: StepOutline) => Promise<Stop | undefined>
/** A step that puts a candidate in force. */
type TakingOver = StepOutline<'register' | 'deploy'>

/** What a package is judged against: looked up once, when its judging begins, however many gates begin together. */
export async function judgementOf(state: RunState, packageId: string): Promise<Judgement> {
  const known = state.judgements.get(packageId)
  if (known !== undefined) return known
  const beginning = state.judging.get(packageId) ?? beginJudging(state, packageId)
  state.judging.set(packageId, beginning)
  try {
    return await beginning
  } finally {
    state.judging.delete(packageId)
  }
}

async function beginJudging(state: RunState, packageId: string): Promise<Judgement> {
  const endpoint = endpointOf(state.plan, packageId)
  const inForce = await look(state, packageId, endpoint)
  // Of a run that 0.7 began and judged nobody knows against what.
  const isStale = stepsOf(state, packageId).some(({ id }) => state.outcomes.has(id))
  return remember(state, packageId, { endpoint, inForce, number: 1, anew: null, isStale })
}

/**
 * Puts a candidate in force by `attempt`, which is told what it was judged against and is refused when something else
 * is in force. Then it is judged again, and tried again.
 * @param endpoint where it takes over; null for the registry, or where the plan deploys it first
 * @returns why the run ends, if it does
 */
export async function takeOver(
  state: RunState,
  step: TakingOver,
  endpoint: string | null,
  carryOut: CarryOut,
  attempt: (judgement: Judgement) => Promise<Stop | undefined>,
): Promise<Stop | undefined> {
  // A run of 0.7 or before took over whatever was in force, and replays that.
  if (!asksBySignal()) return attempt(nothingKnown)
  let judgement = await judgementOf(state, step.package)
  const isElsewhere = endpoint !== null && judgement.endpoint !== endpoint
  if (isElsewhere || judgement.isStale) {
    const stop = await judgeAgain(state, step, endpoint ?? judgement.endpoint, carryOut)
    if (stop !== undefined) return stop
  }
  for (;;) {
    judgement = await judgementOf(state, step.package)
    try {
      return await attempt(judgement)
    } catch (error) {
      if (refusalOf(error).code !== 'CHAMPION_MOVED') throw error
    }
    const stop = await judgeAgain(state, step, judgement.endpoint, carryOut)
    if (stop !== undefined) return stop
  }
}

/** Carries out anew what a package is judged by, unless what is in force is what it was judged against. */
async function judgeAgain(
  state: RunState,
  step: TakingOver,
  endpoint: string | null,
  carryOut: CarryOut,
): Promise<Stop | undefined> {
  const before = await judgementOf(state, step.package)
  const inForce = await look(state, step.package, endpoint)
  const [was, now] = [before.inForce.champion, inForce.champion]
  const candidate = candidateOf(state, step.package)
  if (!before.isStale && (was?.digest === now?.digest || now?.digest === candidate)) {
    remember(state, step.package, { ...before, endpoint, inForce })
    return undefined
  }
  const isElsewhere = before.endpoint !== endpoint
  if (before.number >= judgements && !isElsewhere)
    return {
      status: 'gate failed',
      exitCode: exitCodes.gateFailed,
      error: {
        code: 'CHAMPION_MOVED',
        message: `judged ${judgements} times, and each time somebody else was quicker: it was judged against ${versionInWords(was)}, and ${versionInWords(now)} is in force now`,
        step: step.id,
        next: 'the champion stays; run it again when no other run is about to end',
      },
    }
  const anew = isElsewhere
    ? `judged anew for ${endpoint}: ${versionInWords(now)} is in force there, before it was judged against ${versionInWords(was)}`
    : `judged anew: the champion is ${versionInWords(now)} now, it was ${versionInWords(was)}`
  const number = isElsewhere ? 1 : before.number + 1
  remember(state, step.package, { endpoint, inForce, number, anew, isStale: false })
  for (const each of stepsOf(state, step.package)) {
    enter(state, step.id, each.id)
    const stop = await carryOut(state, each)
    if (stop !== undefined) return stop
  }
  enter(state, step.id)
  return undefined
}

/** Whether a step says whether a package may take over. */
export const isJudged = (step: StepOutline): step is StepOutline<'gate' | 'guard' | 'approve'> =>
  step.kind === 'gate' || step.kind === 'guard' || step.kind === 'approve'

/** The steps that a package is judged by. Its own evaluation is about nobody else, and stays. */
function stepsOf({ plan }: RunState, packageId: string): StepOutline<'gate' | 'guard' | 'approve'>[] {
  return plan.steps.filter(isJudged).filter((step) => step.package === packageId)
}

function remember(state: RunState, packageId: string, judgement: Judgement): Judgement {
  state.judgements.set(packageId, judgement)
  return judgement
}

function look(state: RunState, packageId: string, endpoint: string | null): Promise<InForce> {
  const model = modelOfPackage(state, packageId)
  const summary = endpoint === null ? `what is champion of ${model}` : `what ${endpoint} serves`
  const { findInForce } = proxyActivities<Activities>({ ...briefly, summary })
  return findInForce({ model, candidate: candidateOf(state, packageId), endpoint })
}

const candidateOf = (state: RunState, packageId: string): string =>
  outputOf(state.outcomes.get(packageId), 'package').digest

/** The model that a package would be a version of. */
function modelOfPackage({ plan }: RunState, packageId: string): string {
  const register = plan.steps.find((step) => step.kind === 'register' && step.package === packageId)
  return register?.kind === 'register' ? register.model : plan.pipeline
}
