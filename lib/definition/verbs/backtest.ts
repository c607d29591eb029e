import { SlipwayError } from '../../formats/errors.ts'
import type { Task } from '../../formats/plan.ts'
import { Name } from '../../formats/step-id.ts'
import { nameOfStep, recordedId } from '../../formats/step-names.ts'
import { backtestHandle, namedCutoffs } from '../backtest.ts'
import type { Builder } from '../builder.ts'
import { add, idIn, nextId, type Place, trainingOf } from '../recording.ts'
import { ageRule, splitBy } from './data.ts'
import { packageModel, train } from './model.ts'

export const backtest =
  (at: Place): Builder['backtest'] =>
  (called, table, { by, cutoffs, test, validation, window, train: training }) => {
    const { error } = Name.safeParse(called)
    if (error !== undefined)
      throw new SlipwayError('DEFINITION_INVALID', `a backtest cannot be called ${JSON.stringify(called)}`, {
        next: `${error.issues[0]?.message}`,
      })
    const splits: Record<string, string> = {}
    const evaluations: Record<string, string> = {}
    let task: Task = 'binary'
    for (const { name, ends } of namedCutoffs(called, cutoffs)) {
      const branch: Place = { ...at, branch: idIn(at, `${called}-${name}`) }
      const parts = splitBy<never>(branch, table, {
        ...ageRule({ by, validation, test, window }),
        ...ends,
      })
      const model = train(branch)('model', { ...(training as object), on: parts } as never)
      const candidate = packageModel(branch)(model)
      at.recording.unregistered.add(candidate.id)
      const trained = trainingOf(branch, candidate.id)
      task = trained.task
      splits[name] = parts.id
      evaluations[name] = add(at.recording, {
        id: nextId(branch, 'evaluate'),
        kind: 'evaluate',
        package: candidate.id,
        split: parts.id,
        part: 'test',
        slices: [],
        task,
        target: trained.target,
      })
    }
    const id = add(at.recording, {
      id: idIn(at, recordedId('backtest', called)),
      kind: 'backtest',
      task,
      splits,
      evaluations,
    })
    return backtestHandle(id, nameOfStep({ id }))
  }
