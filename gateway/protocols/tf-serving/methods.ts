import { classesIn } from '../../../lib/formats/answers.ts'
import { invalid } from '../../../lib/models/rows.ts'
import type { Prediction, ServedVersion } from '../protocol.ts'

/** One of the two methods that take examples. */
export interface Method {
  readonly name: 'classify' | 'regress'
  /** Models that it may be asked of. */
  readonly tasks: readonly ServedVersion['facts']['task'][]
}

export const classes: Method = { name: 'classify', tasks: ['binary', 'multiclass'] }
export const numbers: Method = { name: 'regress', tasks: ['regression', 'ranking'] }

/** Whether a method can say what a model answers. */
export const answersBy = ({ name, tasks }: Method, { task, outputs, decision }: ServedVersion['facts']): boolean =>
  tasks.includes(task) && decision === undefined && (name === 'classify' || outputs === undefined)

/** @throws SlipwayError REQUEST_INVALID for a model whose answers a method cannot say */
export function requireAnswerable(method: Method, { facts }: ServedVersion): void {
  if (!answersBy(method, facts))
    throw invalid(`what the model answers is nothing to ${method.name}: ask it by :predict`)
}

/** Label and score of each class; of two, which have no names, the labels are 0 and 1. */
export function classesOf({ predictions, version }: Prediction, row: number): [label: string, score: number][] {
  const names = classesIn(version.facts)
  if (names !== undefined) return names.map((label, i) => [label, predictions[row * names.length + i] as number])
  const yes = predictions[row] as number
  const no = predictions instanceof Float32Array ? Math.fround(1 - yes) : 1 - yes
  return [
    ['0', no],
    ['1', yes],
  ]
}
