/** What came of looking up in one view, for all rows of a request. */
export interface LookupReport {
  readonly view: string
  /** Digest of the snapshot. */
  readonly snapshot: string
  /** ISO time. */
  readonly publishedAt: string
  readonly rows: number
  /** Whether it is older than the deployment wants it to be. It answers all the same. */
  readonly isStale: boolean
  /** Rows, from 0, whose key the snapshot does not know. */
  readonly unknown: readonly number[]
  /** Rows, from 0, that gave no key. */
  readonly missing: readonly number[]
}

/** Rows that a header names at most: their number is said in any case. */
const mostRows = 100

/**
 * Reports as the value of a header, a list with parameters (RFC 9651, 3.1): `history;snapshot="sha256:…";
 * published="2026-01-01T00:00:00Z";stale;unknown=1;unknown-rows="0"`.
 */
export const lookupHeader = (reports: readonly LookupReport[]): string =>
  reports
    .map(({ view, snapshot, publishedAt, isStale, unknown, missing }) =>
      [
        // A token begins with a letter; names of views may begin with a digit.
        /^[a-z]/.test(view) ? view : `"${view}"`,
        `snapshot="${snapshot}"`,
        `published="${publishedAt}"`,
        ...(isStale ? ['stale'] : []),
        ...rowsOf('unknown', unknown),
        ...rowsOf('missing', missing),
      ].join(';'),
    )
    .join(', ')

const rowsOf = (what: string, rows: readonly number[]): string[] =>
  rows.length === 0 ? [] : [`${what}=${rows.length}`, `${what}-rows="${rows.slice(0, mostRows).join(' ')}"`]

/**
 * Reports as parameters of the Open Inference Protocol, which are texts, numbers and truth values:
 * `lookup.history.stale`.
 */
export function lookupParameters(reports: readonly LookupReport[]): Record<string, string | boolean> {
  const parameters: Record<string, string | boolean> = {}
  for (const { view, snapshot, publishedAt, isStale, unknown, missing } of reports) {
    const name = `lookup.${view}`
    parameters[`${name}.snapshot`] = snapshot
    parameters[`${name}.published_at`] = publishedAt
    if (isStale) parameters[`${name}.stale`] = true
    if (unknown.length > 0) parameters[`${name}.unknown`] = unknown.join(',')
    if (missing.length > 0) parameters[`${name}.missing`] = missing.join(',')
  }
  return parameters
}
