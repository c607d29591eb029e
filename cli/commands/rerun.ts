import { rerun as startAgain } from '../../client/rerun.ts'
import { openContext } from '../context.ts'
import { endedBy, listenForInterrupt } from '../interrupt.ts'
import type { JsonOption } from '../options.ts'
import { withinTime } from '../wall-clock.ts'
import { followAndShow } from './run.ts'

export interface RerunOptions extends JsonOption {
  /** The plan of the run, or what the definition here makes of the same parameters. */
  readonly plan: 'same' | 'new'
  readonly wait?: boolean
  readonly timeout?: string
}

/** Runs again what a run was asked for, on the bytes that it read. @returns the exit code */
export async function rerun(runId: string, options: RerunOptions): Promise<number> {
  const context = openContext()
  const interrupt = listenForInterrupt()
  const { plan: _, ...shown } = options
  return withinTime(options.timeout, async (clock) => {
    const given = endedBy(interrupt, clock)
    const { pipeline, ...begun } = await startAgain(context, runId, options.plan, given).catch((error: unknown) => {
      interrupt.stopListening()
      throw error
    })
    clock.began(begun.runId)
    return (await followAndShow(context, begun, pipeline, shown, given)).code
  })
}
