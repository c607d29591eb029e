import { appendFileSync, realpathSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { cutToBytes } from '../../lib/reports/markdown.ts'
import { findRoot } from '../../workers/root.ts'
import { say } from '../output.ts'
import { annotation } from './annotation.ts'
import type { Finding } from './finding.ts'

/** Bytes that GitHub shows of a step: a longer page it takes for none. */
const mostBytes = 1 << 20

/** Where GitHub, GitLab or whoever has the repository: `GITHUB_WORKSPACE`, `CI_PROJECT_DIR`, else the project. */
export function fileInRepository(root: string, env = process.env): (file: string) => string {
  const top = env.GITHUB_WORKSPACE || env.CI_PROJECT_DIR || root
  return (file) => {
    const path = relative(real(top), join(real(root), file))
    return path.startsWith('..') ? file : path
  }
}

function real(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

/** In a step of GitHub Actions: findings on the lines of the code. Elsewhere nothing. */
export function annotate(findings: readonly Finding[], env = process.env): void {
  if (env.GITHUB_ACTIONS !== 'true') return
  const fileFrom = fileInRepository(findRoot(), env)
  for (const each of findings) say(annotation(each, fileFrom))
}

/** Whether a step of GitHub Actions listens for a page. */
export const hasJobSummary = (env = process.env): boolean => Boolean(env.GITHUB_STEP_SUMMARY)

/** In a step of GitHub Actions: a page on the job's own page, below what is there. Elsewhere nothing. */
export function appendToJobSummary(page: string, env = process.env): void {
  const file = env.GITHUB_STEP_SUMMARY
  if (!file) return
  try {
    const there = statSync(file, { throwIfNoEntry: false })?.size ?? 0
    appendFileSync(file, cutToBytes(`${page}\n\n`, mostBytes - there))
  } catch (error) {
    say(`warning: the summary of the job could not be written: ${(error as Error).message}`)
  }
}
