import {
  ApplicationFailure,
  CancelledFailure,
  ChildWorkflowFailure,
  DeterminismViolationError,
  TemporalFailure,
  TerminatedFailure,
  TimeoutFailure,
} from '@temporalio/workflow'
import { type Cell, isErrorCode, type SourcePlace } from '../lib/formats/errors.ts'
import type { Refusal } from './owner-messages.ts'

/** What lies below the wrappings of activities, children and handlers. */
function rootOf(error: unknown): unknown {
  let root = error
  while (root instanceof TemporalFailure && !(root instanceof ApplicationFailure) && root.cause !== undefined)
    root = root.cause
  return root
}

/**
 * What a failure of an activity, a child or an owner says: a code of ours, the reason, and what to do next. Every kind
 * of failure has an answer here, so that nothing ends without one.
 * @throws the error itself when it says that this workflow's code does not fit its history
 */
export function refusalOf(error: unknown): Refusal {
  const root = rootOf(error)
  if (root instanceof DeterminismViolationError) throw root
  if (root instanceof ApplicationFailure) {
    const details = (root.details?.[0] ?? {}) as Partial<SourcePlace> & {
      next?: string | null
      log?: string
      cell?: Cell
    }
    const { next = null, log, cell, file, line, column, text } = details
    const at = file === undefined ? {} : { at: { file, line, column, text } as SourcePlace }
    // The code is at the bottom where somebody wrapped a failure of ours as it was.
    const deeper =
      root.cause instanceof ApplicationFailure && !isErrorCode(root.type) ? refusalOf(root.cause) : undefined
    return (
      deeper ?? {
        code: isErrorCode(root.type) ? root.type : 'INTERNAL',
        message: root.message,
        next,
        ...at,
        ...(log !== undefined && { log }),
        ...(cell !== undefined && { cell }),
      }
    )
  }
  const who = error instanceof ChildWorkflowFailure ? `${error.workflowType} ${error.execution.workflowId ?? ''} ` : ''
  if (root instanceof CancelledFailure || root instanceof TerminatedFailure) {
    const how = root instanceof CancelledFailure ? 'cancelled' : 'terminated'
    return { code: 'CANCELLED', message: `${who}was ${how}`, next: null }
  }
  if (root instanceof TimeoutFailure)
    return { code: 'INTERNAL', message: `${who}took too long: ${root.message} (${root.timeoutType})`, next: null }
  return { code: 'INTERNAL', message: `${who}${(root as Error | undefined)?.message ?? String(root)}`, next: null }
}

/** The details that a failed workflow of ours took along: its record. */
export function detailsOf(error: unknown): unknown {
  const root = rootOf(error)
  return root instanceof ApplicationFailure ? root.details?.[0] : undefined
}

/** A refusal as an error that ends a step, as an activity would have failed with it. */
export function failureOf({ code, message, next }: Refusal): ApplicationFailure {
  return ApplicationFailure.create({ type: code, message, nonRetryable: true, details: [{ next }] })
}
