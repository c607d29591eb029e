import { defineSignal } from '@temporalio/workflow'
import type { Cell, ErrorCode, SourcePlace } from '../lib/formats/errors.ts'
import type { Expected } from '../lib/formats/in-force.ts'
import type { StepRef } from '../lib/formats/plan-outline.ts'
import type { VersionRecord } from '../lib/formats/records.ts'
import type { SeenView } from '../lib/formats/view.ts'
import { type ChampionChange, type RouteOrder, taskQueue } from './messages.ts'

/*
 * How workflows ask the owners of models, endpoints and views: by a signal that is answered by a signal. Nobody holds a
 * slot of a worker while it waits. Clients, which hold none, use the updates in `messages.ts`.
 */

/** What is asked of an owner, and who is to be answered. The same id asked twice is carried out once. */
export interface Order<Asked> {
  readonly id: string
  /** Workflow id. */
  readonly answerTo: string
  readonly asked: Asked
}

/** A version to register; `promote` makes it champion at once. */
export interface RegistrationOrder {
  readonly version: VersionRecord
  readonly promote: boolean
  /** What must be champion for that; undefined where 0.7 or before asks. */
  readonly expect?: Expected
}

/** What is asked of the owner of a model. */
export type ModelOrder =
  | ({ readonly kind: 'register' } & RegistrationOrder)
  | ({ readonly kind: 'champion'; readonly expect?: Expected } & ChampionChange)

/** A table to publish as a view. */
export interface ViewOrder {
  readonly pipeline: string
  readonly run: string
  /** The step that publishes it: what the view is, is in its plan. */
  readonly step: StepRef<'publish'>
  /** Digest of the table bundle, and how many rows it has. */
  readonly table: { readonly digest: string; readonly rows: number }
  readonly seen: SeenView
}

/** What came of it. */
export interface ViewPublished {
  readonly revision: number
}

/** Why an owner refuses, as the error it stands for. */
export interface Refusal {
  readonly code: ErrorCode
  readonly message: string
  readonly next: string | null
  /** Where in the user's sources, of a fault of theirs. */
  readonly at?: SourcePlace
  /** Digest of the log that the step kept. */
  readonly log?: string
  /** Where the value is that it is about. */
  readonly cell?: Cell
}

/** The answer to an order: what came of it, why not, or (not the last word) which rollout it waits for. */
export type Answer = { readonly id: string } & (
  | { readonly result: unknown }
  | { readonly error: Refusal }
  | { readonly waitsFor: string }
)

export const modelOrderSignal = defineSignal<[Order<ModelOrder>]>('order')
export const routeOrderSignal = defineSignal<[Order<RouteOrder>]>('order')
export const viewOrderSignal = defineSignal<[Order<ViewOrder>]>('order')
export const answerSignal = defineSignal<[Answer]>('answer')

/** How the owner of a view is started where it is not there: `signalWithStart('ownView', …)`. */
export const ownerOfView = (view: string) => ({
  workflowId: `view/${view}`,
  workflowIdConflictPolicy: 'USE_EXISTING' as const,
  taskQueue,
  args: [view],
  staticSummary: `Owner of the view ${view}: the only writer of what is published of it`,
})
