import { z } from 'zod'
import { Task } from '../code-ref.ts'
import { NamedStepId, StepId } from '../step-id.ts'
import { type Read, stepKind } from './step-kind.ts'

/** Gathers how models did that were trained at several past days. */
export const backtest = stepKind({
  shape: z.object({
    id: NamedStepId,
    kind: z.literal('backtest'),
    task: Task,
    /** The splits and the evaluations, by the names of the cutoffs. */
    splits: z.record(z.string(), StepId),
    evaluations: z.record(z.string(), StepId),
  }),
  refs: ['splits', 'evaluations'],
  version: 1,
  hosts: ['v8'],
  links: ({ splits, evaluations, task }) => ({
    splits,
    evaluations,
    ...(task === 'ranking' && { isGrouped: true }),
  }),
  reads({ splits, evaluations, isGrouped }) {
    const files = ['evaluation', 'predictions', 'labels', ...(isGrouped === true ? ['groups'] : [])]
    const reads: [string, Read][] = [
      ...Object.entries(splits).map(([name, step]): [string, Read] => [`cutoff:${name}`, { step, output: 'cutoff' }]),
      ...Object.entries(evaluations).flatMap(([name, step]) =>
        files.map((output): [string, Read] => [`${output}:${name}`, { step, output }]),
      ),
    ]
    return Object.fromEntries(reads)
  },
  activity: { name: 'reportBacktest', within: '1h' },
  isLeased: true,
  planned: ({ evaluations }) => `backtest • ${Object.keys(evaluations).length} cutoffs`,
})
