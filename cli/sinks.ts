import { AsyncLocalStorage } from 'node:async_hooks'

/** Where a command writes. Commands that run in one process, as in tests, each have their own. */
export interface Sinks {
  readonly stdout: { write(text: string): unknown }
  readonly stderr: { write(text: string): unknown }
}

interface Output extends Sinks {
  /** Whether standard output is for one document alone. */
  readonly isJson: boolean
  hasDocument: boolean
}

const current = new AsyncLocalStorage<Output>()

/** Runs a command whose results and messages go to `sinks`. */
export function writingTo<T>({ stdout, stderr }: Sinks, isJson: boolean, command: () => Promise<T>): Promise<T> {
  return current.run({ stdout, stderr, isJson, hasDocument: false }, command)
}

/** A result for people: standard output, unless that is for a document. */
export function writeResult(text: string): void {
  const output = current.getStore()
  ;(output?.isJson === true ? output.stderr : (output ?? process).stdout).write(text)
}

/** The document of a command. A second one goes to standard error: it must not spoil the first. */
export function writeDocument(text: string): void {
  const output = current.getStore()
  ;(output?.isJson === true && output.hasDocument ? output.stderr : (output ?? process).stdout).write(text)
  if (output !== undefined) output.hasDocument = true
}

/** Progress or a message: standard error. */
export function writeMessage(text: string): void {
  ;(current.getStore() ?? process).stderr.write(text)
}

/** Whether the command has written its document. */
export const hasDocument = (): boolean => current.getStore()?.hasDocument === true
