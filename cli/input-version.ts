import { breakingChanges } from '../lib/formats/breaking-changes.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { Plan } from '../lib/formats/plan.ts'
import { RowSchema } from '../lib/formats/row-schema.ts'
import { stepOf } from '../lib/formats/step-inputs.ts'
import { getBundle } from '../lib/store/objects.ts'
import { championOf, readModel } from '../lib/store/registry.ts'
import type { Store } from '../lib/store/store.ts'

/**
 * Makes sure that whoever sends rows to the champion can send them to the plan's model too.
 * @throws SlipwayError SIGNATURE_BREAKING unless the definition says so by a higher input version
 */
export async function requireSameInputs(store: Store, plan: Plan): Promise<void> {
  for (const step of plan.steps) {
    if (step.kind !== 'register') continue
    const champion = championOf(await readModel(store, step.model))
    if (champion === undefined) continue
    const { facts } = await getBundle(store, champion, 'model')
    const packaging = stepOf(plan, step.package, 'package')
    if (packaging.signature > Number(facts.signature ?? 1)) continue
    const changes = breakingChanges(RowSchema.parse(facts.inputs), stepOf(plan, packaging.model, 'train').inputs)
    if (changes.length === 0) continue
    throw new SlipwayError(
      'SIGNATURE_BREAKING',
      `breaking change of what the model takes, against the champion of ${step.model}: ${changes.join('; ')}`,
      {
        next: `keep the columns, make new ones nullable, or say p.package(model, { inputVersion: ${Number(facts.signature ?? 1) + 1} })`,
      },
    )
  }
}
