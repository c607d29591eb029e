import type { MonitorReport } from '../formats/monitor-report.ts'

/** Labels of a step of a check: that came, found their row, wait for it, and came for rows that are not kept. */
export type LabelCounts = Pick<MonitorReport['labels'], 'received' | 'matched' | 'waiting' | 'dropped'>
type Sums = MonitorReport['next']['openLabels']

export const noSums: Sums = { received: 0, matched: 0, dropped: 0 }

/** What came together over steps. Those that wait are no sum: each waits in one step after the other. */
export const sumLabels = (before: Sums, { received, matched, dropped }: LabelCounts): Sums => ({
  received: before.received + received,
  matched: before.matched + matched,
  dropped: before.dropped + dropped,
})

/** How many labels found their row. */
export const labelsInWords = ({ received, matched, waiting, dropped }: LabelCounts): string =>
  `${received} labels came, ${matched} found their row, ${waiting} wait for one, ${dropped} were for rows that are not kept`

/**
 * That no label found its row, and what to look at; null where some did, or none looks for one.
 * @param key column by which labels may name their row
 */
export function labelWarning({ matched, waiting, dropped }: LabelCounts, key: string | null): string | null {
  const lost = waiting + dropped
  if (matched > 0 || lost === 0) return null
  const names =
    key === null ? 'a requestId (the monitor names no key)' : `a requestId, or a key that is a value of "${key}"`
  return `none of ${lost} labels has found its row: check that they name ${names}, and that gateways capture the rows (SLIPWAY_CAPTURE_RATE)`
}
