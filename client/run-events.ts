import type { StepReport } from '../lib/formats/records.ts'
import { pipelineOfRun } from '../lib/formats/run-name.ts'
import type { ClientContext } from './context.ts'
import { followRun } from './follow.ts'
import type { ProgressView } from './progress.ts'
import { type RunDocument, runDocument } from './run-document.ts'
import { readRunning } from './running.ts'
import { findEndedRun } from './runs.ts'

/** Something that happened in a run. */
export type RunEvent =
  /** A step ended. `reason`: why it ran, in words. */
  | { readonly kind: 'step'; readonly step: StepReport; readonly reason: string }
  /** What it does at the moment, and how far it is (0 to 1). */
  | { readonly kind: 'working'; readonly step: string; readonly what: string; readonly done: number }
  /** In words: whom it waits for, what its rollout decided, that no worker answers. */
  | { readonly kind: 'note'; readonly text: string }
  /** The last event. */
  | { readonly kind: 'ended'; readonly run: RunDocument }

/**
 * What happens in a run until it has ended. Who stops listening stops nothing but that.
 * @throws SlipwayError NOT_FOUND; what keeps it from being followed
 */
export async function* followEvents(context: ClientContext, runId: string): AsyncGenerator<RunEvent, void> {
  const before = await findEndedRun(context, runId)
  if (before !== undefined) return yield { kind: 'ended', run: before }
  const { workflowId } = await readRunning(context, runId)
  const events: RunEvent[] = []
  let wake: () => void = () => {}
  const tell = (event: RunEvent): void => {
    events.push(event)
    wake()
  }
  const view: ProgressView = {
    working: (step, what, done) => tell({ kind: 'working', step, what, done }),
    finished: (step, reason) => tell({ kind: 'step', step, reason }),
    note: (line) => tell({ kind: 'note', text: line.trim() }),
    end() {},
  }
  const interrupt = { happened: false }
  const run = { runId, workflowId, pipeline: pipelineOfRun(runId) }
  let failure: { readonly error: unknown } | undefined
  let isOver = false
  const following = followRun(context, run, view, interrupt)
    .then((record) => tell({ kind: 'ended', run: runDocument(record) }))
    .catch((error: unknown) => {
      failure = { error }
    })
    .finally(() => {
      isOver = true
      wake()
    })
  try {
    for (;;) {
      const event = events.shift()
      if (event !== undefined) yield event
      else if (failure !== undefined) throw failure.error
      else if (isOver) return
      else
        await new Promise<void>((resolve) => {
          wake = resolve
        })
    }
  } finally {
    interrupt.happened = true
    await following
  }
}

/** Waits for the end of a run, however it ends. @throws SlipwayError NOT_FOUND */
export async function waitForRun(context: ClientContext, runId: string): Promise<RunDocument> {
  for await (const event of followEvents(context, runId)) if (event.kind === 'ended') return event.run
  throw new Error(`run ${runId} was followed and has no end`)
}
