import { createHash } from 'node:crypto'
import type { Finding } from './finding.ts'

/** An issue as GitLab's Code Quality reads it. */
interface Issue {
  readonly description: string
  readonly check_name: string
  /** Tells it from others: the same as long as it is the same issue. */
  readonly fingerprint: string
  readonly severity: 'major'
  readonly location: { readonly path: string; readonly lines: { readonly begin: number } }
}

/**
 * Findings as a report of GitLab's Code Quality.
 * @param otherwise the file of a finding that has none, for GitLab shows none without
 */
export function codeQuality(
  findings: readonly Finding[],
  fileFrom: (file: string) => string,
  otherwise: string,
): readonly Issue[] {
  const seen = new Map<string, number>()
  return findings.map(({ code, message, at }) => {
    const path = fileFrom(at?.file ?? otherwise)
    // Numbers change from run to run, and the issue is the same.
    const what = JSON.stringify([code, path, message.replaceAll(/\d+(?:\.\d+)?/g, '0')])
    const count = seen.get(what) ?? 0
    seen.set(what, count + 1)
    return {
      description: `${code}: ${message}`,
      check_name: code,
      fingerprint: createHash('sha256').update(`${what}${count}`).digest('hex'),
      severity: 'major',
      location: { path, lines: { begin: at?.line ?? 1 } },
    }
  })
}
