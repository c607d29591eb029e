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
/**
 * The command that has its process to itself: following its promises, as those of several, would make each cost more.
 */
let alone: Output | undefined
const output = (): Output | undefined => current.getStore() ?? alone

/** Runs a command whose results and messages go to `sinks`; to those of the process, it has that to itself. */
export function writingTo<T>(sinks: Sinks, isJson: boolean, command: () => Promise<T>): Promise<T> {
  const { stdout, stderr } = sinks
  const to = { stdout, stderr, isJson, hasDocument: false }
  if (sinks !== process) return current.run(to, command)
  alone = to
  return command()
}

/** A result for people: standard output, unless that is for a document. */
export function writeResult(text: string): void {
  const to = output()
  ;(to?.isJson === true ? to.stderr : (to ?? process).stdout).write(text)
}

/** The document of a command. A second one goes to standard error: it must not spoil the first. */
export function writeDocument(text: string): void {
  const to = output()
  ;(to?.isJson === true && to.hasDocument ? to.stderr : (to ?? process).stdout).write(text)
  if (to !== undefined) to.hasDocument = true
}

/** Progress or a message: standard error. */
export function writeMessage(text: string): void {
  ;(output() ?? process).stderr.write(text)
}

/** Whether the command has written its document. */
export const hasDocument = (): boolean => output()?.hasDocument === true
