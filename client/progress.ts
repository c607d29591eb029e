import type { StepReport } from '../lib/formats/records.ts'

/** Is told what a run does while it goes on. */
export interface ProgressView {
  /** A step that is under way: what it does, and how far it is (0 to 1). */
  working(step: string, what: string, done: number): void
  /** @param reason why it ran, in words; empty where it was reused, or nobody knows */
  finished(report: StepReport, reason: string): void
  note(line: string): void
  end(): void
}

/** Shows nothing: for runs in the background of something that is shown. */
export const noProgress: ProgressView = { working() {}, finished() {}, note() {}, end() {} }
