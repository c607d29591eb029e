import { readFile } from 'node:fs/promises'
import { isOfClasses, targetOutputs } from '../../lib/formats/code-ref.ts'
import type { StepOf } from '../../lib/formats/plan.ts'
import { outputOf, stepOf } from '../../lib/formats/step-inputs.ts'
import { takePackage } from '../../lib/jobs/verify/take-inputs.ts'
import { answersOf } from '../../lib/models/model.ts'
import { predictionsApart } from '../../lib/stats/predictions-apart.ts'
import { getBundle, localFile } from '../../lib/store/objects.ts'
import type { PartCompared } from './verified.ts'
import type { VersionAgain } from './version-again.ts'

/**
 * Scores the rows that were held back from training by the package on record and by the one that was made again.
 * @param made digest of that one
 */
export async function compareModels(work: VersionAgain, made: string): Promise<PartCompared[]> {
  const { onRecord, source, place, tolerance } = work
  const { plan, packaged, version } = onRecord
  await takePackage(source, place, version.digest)
  const train = stepOf(plan, stepOf(plan, packaged, 'package').model, 'train')
  const parts: PartCompared[] = []
  for (const part of ['validation', 'test'] as const) {
    const before = await score(work, train, part, version.digest)
    const after = await score(work, train, part, made)
    const apart = predictionsApart(before, after, {
      tolerance,
      isProbability: isOfClasses(train.task),
      width: targetOutputs(train.target)?.length ?? 1,
    })
    parts.push({ part, ...apart })
  }
  return parts
}

/** Predictions of a package for a part of the rows that its model was made on. */
async function score(
  { here, scratch }: VersionAgain,
  { split, task, target }: StepOf<'train'>,
  part: PartCompared['part'],
  model: string,
): Promise<ArrayLike<number>> {
  const step = {
    id: `verify-${part}`,
    kind: 'evaluate',
    package: 'package',
    split,
    part,
    slices: [],
    task,
    target,
  } as const
  const rows = outputOf(here.outcomes.get(split), part)
  const inputs = { package: { digest: model, mediaType: '', size: 0 }, part: rows }
  const order = { run: 'verify', step: { ...step, slices: [] }, inputs }
  const outcome = await here.does(here.activities.evaluatePackage, order)
  const bytes = await readFile(await localFile(scratch.store, outputOf(outcome, 'predictions').digest))
  const { facts } = await getBundle(scratch.store, model, 'model')
  return answersOf(bytes, bytes.length / (facts.answers === 'float64' ? 8 : 4))
}
