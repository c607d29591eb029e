import { Counter, type Registry } from 'prom-client'
import type { ErrorFacts } from '../../lib/formats/errors.ts'
import type { LookupReport } from './report.ts'

/** Counts for `/metrics` what came of looking columns up. */
export interface LookupCounts {
  count(endpoint: string, reports: readonly LookupReport[]): void
  /** A request whose rows were refused for their keys. @param facts of the error */
  countRefused(endpoint: string, facts: ErrorFacts): void
}

export function countLookups(registry: Registry): LookupCounts {
  const rows = new Counter({
    name: 'slipway_lookup_rows_total',
    help: 'Rows that were looked up: found, unknown (no such key), missing (no key given), refused (unknown, and may not be).',
    labelNames: ['endpoint', 'view', 'result'],
    registers: [registry],
  })
  const stale = new Counter({
    name: 'slipway_lookup_stale_total',
    help: 'Requests that were answered by a snapshot older than the deployment wants it.',
    labelNames: ['endpoint', 'view'],
    registers: [registry],
  })
  return {
    count(endpoint, reports) {
      for (const { view, rows: all, unknown, missing, isStale } of reports) {
        rows.inc({ endpoint, view, result: 'found' }, all - unknown.length - missing.length)
        if (unknown.length > 0) rows.inc({ endpoint, view, result: 'unknown' }, unknown.length)
        if (missing.length > 0) rows.inc({ endpoint, view, result: 'missing' }, missing.length)
        if (isStale) stale.inc({ endpoint, view })
      }
    },
    countRefused(endpoint, { view, rows: refused }) {
      rows.inc({ endpoint, view: String(view), result: 'refused' }, Number(refused))
    },
  }
}
