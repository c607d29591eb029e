import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SageMakerLearner } from '../../formats/sagemaker-learner.ts'
import { importanceInWords } from '../finished/importance.ts'
import type { Learner } from '../learner.ts'
import { layOut, layoutIn } from '../program/layout.ts'
import { promisesInWords, readLearned, requirePlace, valuesTold } from '../program/learner.ts'
import { makeUpRows } from '../program/made-up.ts'
import { startScript } from './start-script.ts'

/**
 * A program in a container on SageMaker. What it reads is written as for a program here; the job itself is begun and
 * followed by whoever carries out the step (`lib/jobs/steps/train-on-sagemaker.ts`): a thread that is ended could stop
 * nothing.
 */
export const sageMakerLearner = {
  kind: 'sagemaker',
  parameters: SageMakerLearner,
  categoryOrder: () => valuesTold,

  async layOut(order, onProgress) {
    const layout = layoutIn(requirePlace(order).root)
    onProgress('writing what the job reads', 0)
    await layOut(order, makeUpRows(order.inputs, order.train, order.seed), layout)
    const told = join(layout.root, toldFolder)
    await mkdir(told, { recursive: true })
    await writeFile(join(told, startFile), startScript(order, order.place?.tuned))
  },

  async train(order, onProgress) {
    const { root, ran } = requirePlace(order)
    if (ran === undefined) throw new Error('a job on SageMaker is read once it has ended')
    onProgress('reading its model', 0.9)
    const madeUp = makeUpRows(order.inputs, order.train, order.seed)
    return readLearned(order, layoutIn(root), madeUp, {
      said: ran.metrics,
      processorSeconds: ran.seconds,
      words: wordsOf(order.parameters),
    })
  },
} satisfies Learner<SageMakerLearner>

/** What the channel `slipway` holds besides `columns.json`, in the folder that is laid out. */
export const toldFolder = 'slipway'
export const startFile = 'start.sh'

/** What the model card says of it. */
function wordsOf({ image, command, instance, count, hyperparameters, deterministic, predictions }: SageMakerLearner) {
  const set = Object.entries(hyperparameters).map(([name, value]) => `${name} ${value}`)
  const what = command === undefined ? 'the program of its image' : `\`${command.join(' ')}\``
  const where = `on SageMaker in \`${image}\`, ${count === 1 ? 'one' : count} \`${instance}\``
  const sentences = [
    `Trained by ${what}${set.length === 0 ? '' : ` with ${set.join(', ')}`} ${where}.`,
    ...promisesInWords({ deterministic, predictions }),
  ]
  return {
    model: `${deterministic === false ? 'made, not reproducibly, by' : 'made by'} a job on SageMaker`,
    importance: importanceInWords,
    training: sentences.join(' '),
  }
}
