import { defineSignal } from '@temporalio/workflow'
import type { ErrorCode, SourcePlace } from '../lib/formats/errors.ts'
import type { Expected } from '../lib/formats/in-force.ts'
import type { VersionRecord } from '../lib/formats/records.ts'
import type { ChampionChange, RouteOrder } from './messages.ts'

/*
 * How workflows ask the owners of models and endpoints: by a signal that is answered by a signal. Nobody holds a slot of a worker
 * while it waits. Clients, which hold none, use the updates in `messages.ts`.
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

/** Why an owner refuses, as the error it stands for. */
export interface Refusal {
  readonly code: ErrorCode
  readonly message: string
  readonly next: string | null
  /** Where in the user's sources, of a fault of theirs. */
  readonly at?: SourcePlace
}

/** The answer to an order: what came of it, why not, or (not the last word) which rollout it waits for. */
export type Answer = { readonly id: string } & (
  | { readonly result: unknown }
  | { readonly error: Refusal }
  | { readonly waitsFor: string }
)

export const modelOrderSignal = defineSignal<[Order<ModelOrder>]>('order')
export const routeOrderSignal = defineSignal<[Order<RouteOrder>]>('order')
export const answerSignal = defineSignal<[Answer]>('answer')
