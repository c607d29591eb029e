import { AsyncLocalStorage } from 'node:async_hooks'

/** Where a command writes. Commands that run in one process, as in tests, each have their own. */
interface Sinks {
  readonly stdout: { write(text: string): unknown }
  readonly stderr: { write(text: string): unknown }
}

const current = new AsyncLocalStorage<Sinks & { hasResult: boolean }>()

/** Runs a command whose results and messages go to `sinks`. */
export function writingTo<T>(sinks: Sinks, command: () => Promise<T>): Promise<T> {
  return current.run({ ...sinks, hasResult: false }, command)
}

/** A result: standard output. */
export function writeResult(text: string): void {
  const sinks = current.getStore()
  if (sinks !== undefined) sinks.hasResult = true
  ;(sinks?.stdout ?? process.stdout).write(text)
}

/** Progress or a message: standard error. */
export function writeMessage(text: string): void {
  ;(current.getStore()?.stderr ?? process.stderr).write(text)
}

/** Whether the command has written a result already. */
export const hasResult = (): boolean => current.getStore()?.hasResult === true
