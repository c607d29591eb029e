import { rerun as startAgain } from '../../client/rerun.ts'
import { openContext } from '../context.ts'
import { listenForInterrupt } from '../interrupt.ts'
import type { JsonOption } from '../options.ts'
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
  const { pipeline, ...begun } = await startAgain(context, runId, options.plan, interrupt).catch((error: unknown) => {
    interrupt.stopListening()
    throw error
  })
  const { plan: _, ...shown } = options
  return (await followAndShow(context, begun, pipeline, shown, interrupt)).code
}
