import { setCurrentDetails, setHandler, upsertSearchAttributes } from '@temporalio/workflow'
import type { RetrainCause } from '../lib/formats/alerts.ts'
import { attributes } from './attributes.ts'
import {
  calmSignal,
  causeSignal,
  type Decision,
  pauseSupervisorUpdate,
  type RetrainOutcome,
  resumeSupervisorUpdate,
  type SupervisorState,
  type SupervisorStatus,
  supervisorStatusQuery,
} from './messages.ts'

/** Keys of causes that are remembered, and outcomes that are. */
const remembered = { causes: 500, outcomes: 50 } as const

/** What a supervisor knows, and where it stands. */
export interface Supervision {
  readonly pipeline: string
  /** What asks for a retraining and has not been answered. */
  pending: readonly RetrainCause[]
  /** Keys of causes that were heard: the same one twice is one. */
  seen: readonly string[]
  paused: Decision | null
  retrainings: readonly RetrainOutcome[]
  state: SupervisorStatus['state']
  reason: string
  /** The run that it waits for. */
  run: string | null
}

/** A supervision as it begins, or goes on after continue-as-new. */
export const supervisionOf = (pipeline: string, carried: SupervisorState): Supervision => ({
  ...carried,
  pipeline,
  state: 'idle',
  reason: 'nothing calls for it',
  run: null,
})

/** Hears causes and people, and answers who asks how it stands. */
export function listen(supervision: Supervision): void {
  setHandler(causeSignal, (cause) => {
    if (supervision.seen.includes(cause.key)) return
    supervision.seen = [...supervision.seen, cause.key].slice(-remembered.causes)
    supervision.pending = [...supervision.pending, cause]
    show(supervision)
  })
  setHandler(calmSignal, ({ endpoint }) => {
    supervision.pending = supervision.pending.filter(({ key }) => !key.startsWith(`${endpoint}:`))
    show(supervision)
  })
  setHandler(supervisorStatusQuery, () => {
    const { pipeline, state, reason, run, pending, retrainings } = supervision
    return { pipeline, state, reason, run, pending, retrainings }
  })
  setHandler(pauseSupervisorUpdate, (decision) => {
    supervision.paused = decision
    if (supervision.run === null) becomePaused(supervision, decision)
  })
  setHandler(resumeSupervisorUpdate, () => {
    supervision.paused = null
  })
  upsertSearchAttributes([{ key: attributes.pipeline, value: supervision.pipeline }])
  if (supervision.paused !== null) becomePaused(supervision, supervision.paused)
}

const becomePaused = (supervision: Supervision, { by, reason }: Decision): void =>
  become(supervision, 'paused', `by ${by}: ${reason}`)

/** Notes where it stands now, and why, and shows it. */
export function become(supervision: Supervision, state: Supervision['state'], reason: string): void {
  supervision.state = state
  supervision.reason = reason
  upsertSearchAttributes([{ key: attributes.stage, value: state }])
  show(supervision)
}

/**
 * Remembers how a retraining ended. What was said meanwhile was about the model it judged: who still means it says so
 * again.
 */
export function concludeRetraining(supervision: Supervision, outcome: RetrainOutcome): void {
  supervision.retrainings = [...supervision.retrainings, outcome].slice(-remembered.outcomes)
  supervision.run = null
  supervision.pending = []
  if (supervision.paused === null) become(supervision, 'idle', `${outcome.run}: ${outcome.status}, ${outcome.reason}`)
}

function show({ pipeline, state, reason, pending, retrainings }: Supervision): void {
  const last = retrainings.at(-1)
  const asked = pending.map((cause) => `- ${cause.kind}: ${cause.reason}`)
  const text = [
    `**${pipeline}**: ${state}, ${reason}`,
    ...(asked.length === 0 ? [] : ['## Asked for', '', ...asked]),
    ...(last === undefined ? [] : ['## Last', '', `- ${last.run}: ${last.status}, ${last.reason}`]),
  ]
  setCurrentDetails(text.join('\n\n').slice(0, 16_000))
}
