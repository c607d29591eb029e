import { afterAll } from 'vitest'
import { program } from '../../lib/definition/learners.ts'
import type { ProgramLearner } from '../../lib/formats/learner.ts'
import type { Learner } from '../../lib/learners/learner.ts'
import { programLearner } from '../../lib/learners/program/learner.ts'
import { describeLearner } from '../contracts/learner.ts'
import { linearProgram, placeFor, type TestPlace } from '../support/programs.ts'

/*
 * A program keeps the contract of all learners: one that fits a linear model, in a place of its own for each training,
 * as steps make it.
 */
const text = await linearProgram()
const places: TestPlace[] = []
afterAll(() => {
  for (const place of places) place.remove()
})

const placed: Learner<ProgramLearner> = {
  ...programLearner,
  train(order, onProgress) {
    const place = placeFor({ 'train.mjs': text })
    places.push(place)
    return programLearner.train({ ...order, place }, onProgress)
  },
}

describeLearner('program', placed, {
  parameters: program({ command: ['node', 'train.mjs'], folder: './trainer' }),
  refused: [
    { command: [] },
    { hyperparameters: { list: [1] } },
    { environment: 'conda' },
    { data: 'arrow' },
    { metrics: { auc: 'auc=[0-9.]+' } },
    { metrics: { auc: '(' } },
    { limits: { timeoutMs: 0, diskBytes: 1 } },
    { deterministic: 'perhaps' },
  ],
})
