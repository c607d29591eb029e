import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { latencyBounds } from '../lib/formats/telemetry.ts'
import { binOf } from '../lib/stats/profile-counter.ts'
import { countLookups, type LookupCounts } from './lookups/counts.ts'

/** What `/metrics` says of the gateway itself, read when it is asked for. */
export interface GatewayReadings {
  inFlight(): number
  queuedRows(): number
  /** What scores each endpoint's champion. */
  engines(): readonly { readonly endpoint: string; readonly engine: string }[]
  /** Of what is kept in a store; missing where there is none. */
  readonly stored?: StoredReadings
}

interface StoredReadings {
  windowsWaiting(): number
  windowsLost(): number
  storeReachable(): boolean
  revisions(): readonly { readonly endpoint: string; readonly revision: number }[]
  /** Endpoints with a rollout, and whether its candidate gets nothing, for nobody watches it. */
  suspended(): readonly { readonly endpoint: string; readonly suspended: boolean }[]
  /** Of snapshots that versions look up in. */
  lookupBytes(): number
  /** When the snapshots in force were published, seconds since 1970. */
  snapshots(): readonly { readonly endpoint: string; readonly view: string; readonly published: number }[]
}

interface Series {
  readonly labels: Readonly<Record<string, string>>
  count: number
  seconds: number
  readonly buckets: number[]
}

/**
 * Metrics of answered requests under their usual names (Prometheus, "Metric and label naming"): `http_requests_total`,
 * `http_request_duration_seconds`, and the process's own. Counting is a few additions on the request's path; texts are
 * made when Prometheus asks.
 */
export interface Metrics {
  count(endpoint: string, version: string, role: string, status: number, seconds: number): void
  /** What came of looking columns up. */
  readonly lookups: LookupCounts
  text(): Promise<string>
  readonly contentType: string
}

export function createMetrics(readings: GatewayReadings): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  registerGauges(registry, readings)
  const series = new Map<string, Series>()
  return {
    contentType: registry.contentType,
    lookups: countLookups(registry),
    count(endpoint, version, role, status, seconds) {
      const key = `${endpoint}|${version}|${role}|${status}`
      let found = series.get(key)
      if (found === undefined) {
        found = {
          labels: { endpoint, version, role, code: String(status) },
          count: 0,
          seconds: 0,
          buckets: new Array<number>(latencyBounds.length + 1).fill(0),
        }
        series.set(key, found)
      }
      found.count++
      found.seconds += seconds
      const bucket = binOf(latencyBounds, seconds)
      found.buckets[bucket] = (found.buckets[bucket] as number) + 1
    },
    async text() {
      return `${await registry.metrics()}\n${requestLines([...series.values()])}`
    },
  }
}

function gaugeOf(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read())
    },
  })
}

function registerGauges(registry: Registry, readings: GatewayReadings): void {
  gaugeOf(registry, 'http_requests_in_flight', 'Requests being answered.', readings.inFlight)
  gaugeOf(registry, 'slipway_queued_rows', 'Rows that wait for a batch.', readings.queuedRows)
  new Gauge({
    name: 'slipway_engine_info',
    help: 'What scores the champion: its compiled model, or ONNX Runtime (why is in /health).',
    labelNames: ['endpoint', 'engine'],
    registers: [registry],
    collect() {
      this.reset()
      for (const labels of readings.engines()) this.set(labels, 1)
    },
  })
  if (readings.stored !== undefined) registerStored(registry, readings.stored)
}

function registerStored(registry: Registry, readings: StoredReadings): void {
  gaugeOf(registry, 'slipway_windows_waiting', 'Telemetry windows not in the store yet.', readings.windowsWaiting)
  gaugeOf(registry, 'slipway_windows_lost', 'Telemetry windows given up.', readings.windowsLost)
  gaugeOf(registry, 'slipway_lookup_bytes', 'Memory of the snapshots that are looked up in.', readings.lookupBytes)
  gaugeOf(registry, 'slipway_store_reachable', '1 if the store answered last.', () =>
    readings.storeReachable() ? 1 : 0,
  )
  new Gauge({
    name: 'slipway_route_revision',
    help: 'Revision of the route that is applied.',
    labelNames: ['endpoint'],
    registers: [registry],
    collect() {
      this.reset()
      for (const { endpoint, revision } of readings.revisions()) this.set({ endpoint }, revision)
    },
  })
  new Gauge({
    name: 'slipway_rollout_suspended',
    help: '1 while the candidate of a rollout gets nothing, for nobody watches it.',
    labelNames: ['endpoint'],
    registers: [registry],
    collect() {
      this.reset()
      for (const { endpoint, suspended } of readings.suspended()) this.set({ endpoint }, suspended ? 1 : 0)
    },
  })
  new Gauge({
    name: 'slipway_lookup_published_seconds',
    help: 'When the snapshot in force was published, seconds since 1970.',
    labelNames: ['endpoint', 'view'],
    registers: [registry],
    collect() {
      this.reset()
      for (const { endpoint, view, published } of readings.snapshots()) this.set({ endpoint, view }, published)
    },
  })
}

function requestLines(all: readonly Series[]): string {
  const labelsOf = (labels: Series['labels'], more: Record<string, string> = {}): string =>
    Object.entries({ ...labels, ...more })
      .map(
        ([name, value]) => `${name}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`,
      )
      .join(',')
  const lines = ['# HELP http_requests_total Requests answered.', '# TYPE http_requests_total counter']
  for (const { labels, count } of all) lines.push(`http_requests_total{${labelsOf(labels)}} ${count}`)
  const name = 'http_request_duration_seconds'
  lines.push(`# HELP ${name} From the request's arrival to its answer.`, `# TYPE ${name} histogram`)
  for (const { labels, count, seconds, buckets } of all) {
    let below = 0
    for (const [i, bound] of latencyBounds.entries()) {
      below += buckets[i] as number
      lines.push(`${name}_bucket{${labelsOf(labels, { le: String(bound) })}} ${below}`)
    }
    lines.push(`${name}_bucket{${labelsOf(labels, { le: '+Inf' })}} ${count}`)
    lines.push(`${name}_sum{${labelsOf(labels)}} ${seconds}`, `${name}_count{${labelsOf(labels)}} ${count}`)
  }
  return `${lines.join('\n')}\n`
}
