import type { Client, WorkflowHandle } from '@temporalio/client'
import { defaultPayloadConverter } from '@temporalio/common'
import { firstOf } from '../lib/formats/brief.ts'
import { progressQuery, type RunProgress } from '../workflows/messages.ts'

/** A step that is under way: what it does, and how far it is (0 to 1; null where nobody knows). */
interface UnderWay {
  readonly step: string
  readonly what: string
  readonly done: number | null
}

/** What a run does at the moment, for one line. */
interface Moment {
  readonly step: string
  readonly what: string
  readonly done: number
}

/**
 * What a run does at the moment: the heartbeats of its activities, and what workflows of branches say. Undefined for
 * nothing.
 */
export async function lookAtRun(
  client: Client,
  handle: WorkflowHandle,
  progress: RunProgress,
): Promise<Moment | undefined> {
  const { raw } = await handle.describe()
  const here = (raw.pendingActivities ?? []).map((activity): UnderWay => {
    const payload = activity.heartbeatDetails?.payloads?.[0]
    const beat =
      payload === undefined || payload === null
        ? { what: 'starting', done: 0 }
        : defaultPayloadConverter.fromPayload<{ what: string; done: number; step?: string }>(payload as never)
    const attempt =
      (activity.attempt ?? 1) > 1 ? ` (attempt ${activity.attempt}: ${activity.lastFailure?.message ?? ''})` : ''
    return { step: beat.step ?? progress.stage, what: `${beat.what}${attempt}`, done: beat.done }
  })
  const elsewhere = await Promise.all(
    // One that has just ended, or has no worker, says nothing.
    (progress.elsewhere ?? []).map((id) =>
      client.workflow
        .getHandle(id)
        .query(progressQuery)
        .catch(() => undefined),
    ),
  )
  const branches = elsewhere.flatMap((each) => each ?? [])
  const there = branches.flatMap(({ running = {}, done = null }) =>
    Object.entries(running).map(([step, what]): UnderWay => ({ step, what, done })),
  )
  const finished = branches.reduce((sum, each) => sum + each.finished.length, progress.finished.length)
  return inOneLine([...here, ...there], progress, finished + (progress.steps?.doneElsewhere ?? 0))
}

/**
 * Steps that are under way as one: a single one by what it does, several by how far the run is.
 * @param finished steps that are done, branches elsewhere included
 */
export function inOneLine(
  tasks: readonly UnderWay[],
  { steps }: Pick<RunProgress, 'steps'>,
  finished: number,
): Moment | undefined {
  const [only, ...others] = tasks
  if (only === undefined) return undefined
  if (others.length === 0) return { step: only.step, what: only.what, done: only.done ?? 0 }
  const names = tasks.map(({ step, done }) => (done === null ? step : `${step} ${Math.round(done * 100)} %`))
  const all = steps?.all ?? finished + tasks.length
  return {
    step: `${finished}/${all}`,
    what: `${tasks.length} at once: ${firstOf(names, { most: 4 })}`,
    done: finished / Math.max(1, all),
  }
}
