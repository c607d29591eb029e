import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { findRoot } from '../../workers/root.ts'
import { say } from '../output.ts'
import { codeQuality } from './code-quality.ts'
import type { Finding } from './finding.ts'
import { fileInRepository } from './tell.ts'

/** The outcome of a command counts, whether or not its report can be written. @param what for the words */
export function writeReport(what: string, file: string, report: string): void {
  try {
    mkdirSync(dirname(resolve(file)), { recursive: true })
    writeFileSync(file, report)
  } catch (error) {
    say(`warning: ${what} could not be written: ${(error as Error).message}`)
  }
}

/** Where it is asked for: findings as GitLab shows them in merge requests. None are an empty report. */
export function writeCodeQuality(
  { codeQuality: file }: { readonly codeQuality?: string },
  findings: readonly Finding[],
  pipeline: string,
): void {
  if (file === undefined) return
  const issues = codeQuality(findings, fileInRepository(findRoot()), `pipelines/${pipeline}/pipeline.ts`)
  writeReport('the code quality report', file, `${JSON.stringify(issues, null, 2)}\n`)
}
