import type { Route } from '../formats/route.ts'
import type { TelemetryWindow } from '../formats/telemetry.ts'

/**
 * Something that serves an endpoint and tells of it in windows, numbered without gaps: a gateway, a variant of a hosted
 * endpoint.
 */
export interface Source {
  /** The number of the window that it sends next; all before are there, or lost. */
  readonly next: number
  /** Whether it serves now; one that has left may still have windows. */
  readonly serves: boolean
}

/** How far those who serve have come with a route. */
export interface Applied {
  /** How many serve. */
  readonly serving: number
  /** Who does not apply it yet. */
  readonly behind: readonly string[]
  /** Why somebody never will; null where nobody refuses. */
  readonly refused: string | null
  /** For how long this revision is waited for, ms, where that is longer than the target's own patience. */
  readonly patienceMs?: number
}

/** By source: the number of the window to read next. */
export type Cursors = Readonly<Record<string, number>>

/**
 * Where models are deployed: what a rollout needs of it, and all that it knows of it. The route itself, its
 * compare-and-set and its log are Slipway's, in the store; a target makes a route so, and says what is so. It decides
 * nothing. Every verb may be asked again after a crash, and changes nothing the second time.
 */
export interface Target {
  /** Its name in definitions, plans and messages: `gateway`. */
  readonly kind: string
  /**
   * How often it is asked how far it has come, and for how long, ms; missing where it is there within seconds. Of one
   * that takes minutes `readBack` may take the steps that follow on what `apply` set out to do.
   */
  readonly pace?: { readonly everyMs: number; readonly patienceMs: number }
  /** Says who serves an endpoint or did, and how far each one's windows go. Changes nothing. */
  look(endpoint: string): Promise<Readonly<Record<string, Source>>>
  /**
   * Makes an endpoint serve by a route, or sets out to: `readBack` says when it does. An older revision than was seen
   * changes nothing.
   */
  apply(route: Route): Promise<void>
  /** Says what those who serve really apply: what was asked for is not taken for what is so. */
  readBack(route: Pick<Route, 'endpoint' | 'revision'>): Promise<Applied>
  /**
   * Reads windows from the cursors on, in order, at most some from each source.
   * @returns the windows, and the cursors behind them. A window that is lost is passed over
   */
  evidence(
    endpoint: string,
    since: Cursors,
  ): Promise<{ readonly windows: readonly TelemetryWindow[]; readonly cursors: Cursors }>
}
