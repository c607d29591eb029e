import type { Route } from '../../lib/formats/route.ts'
import { latencyBounds, type TelemetryWindow } from '../../lib/formats/telemetry.ts'
import type { Target } from '../../lib/targets/target.ts'

/** What goes wrong with a target, each so many times. */
export interface Faults {
  /** `apply` fails before it has done anything. */
  refuses?: number
  /** `apply` does its work, and its answer is lost. */
  losesAnswers?: number
  /** `readBack` says that it is not so far yet. */
  isSlow?: number
}

/** A target in memory, of one server, that goes wrong as it is told to. */
export function faultyTarget(faults: Faults = {}) {
  const routes = new Map<string, Route>()
  const windows = new Map<string, TelemetryWindow[]>()
  const left = { refuses: 0, losesAnswers: 0, isSlow: 0, ...faults }
  const happens = (fault: keyof typeof left): boolean => left[fault]-- > 0
  let applied = 0

  const target: Target = {
    kind: 'faulty',
    async look(endpoint) {
      return { only: { next: windows.get(endpoint)?.length ?? 0, serves: routes.has(endpoint) } }
    },
    async apply(route) {
      if (happens('refuses')) throw new Error('the target does not answer')
      if ((routes.get(route.endpoint)?.revision ?? 0) < route.revision) {
        routes.set(route.endpoint, route)
        applied++
      }
      if (happens('losesAnswers')) throw new Error('the answer was lost')
    },
    async readBack({ endpoint, revision }) {
      const isBehind = (routes.get(endpoint)?.revision ?? 0) < revision || happens('isSlow')
      return { serving: 1, behind: isBehind ? ['only'] : [], refused: null }
    },
    async evidence(endpoint, since) {
      const first = since.only ?? 0
      const found = (windows.get(endpoint) ?? []).slice(first)
      return { windows: found, cursors: { only: first + found.length } }
    },
  }
  return {
    target,
    /** Changes that were really made. */
    applied: () => applied,
    /** Answers a request, and tells of it. */
    serve(endpoint: string): void {
      const route = routes.get(endpoint)
      if (route === undefined) throw new Error(`${endpoint} serves nothing`)
      const told = windows.get(endpoint) ?? []
      windows.set(endpoint, [...told, windowOf(route, told.length)])
    },
  }
}

function windowOf({ endpoint, revision, champion }: Route, seq: number): TelemetryWindow {
  return {
    slipway: 'window/1',
    endpoint,
    gateway: 'only',
    seq,
    revision,
    rollout: null,
    from: seq,
    to: seq + 1,
    champion: {
      digest: champion.digest,
      version: champion.version,
      requests: 1,
      rows: 1,
      errors: {},
      slow: 0,
      latency: [1, ...latencyBounds.map(() => 0)],
      scores: [1],
      users: null,
      profile: {},
    },
    candidate: null,
    pairs: null,
    capture: null,
    labels: null,
  }
}
