import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { localCode } from '../../code/local-code.ts'
import { localTable } from '../../data/local-table.ts'
import { mediaTypes } from '../../formats/artifact.ts'
import { canonicalJson } from '../../formats/canonical.ts'
import { required, type StepInputs } from '../../formats/step-inputs.ts'
import { localModel, type PackageSource } from '../../models/package.ts'
import { gateFacts } from '../../stats/gate-facts.ts'
import type { StepResult, WorkOn } from '../step-work.ts'

/**
 * Compares a candidate with the champion and the last approved version, so that no chain of retrainings ends with a
 * worse model.
 */
export async function compareCandidate(
  source: PackageSource,
  { step, folder, job, output, progress }: WorkOn<'guard'>,
  { inputs, alpha }: { readonly inputs: StepInputs; readonly alpha: number },
): Promise<StepResult> {
  progress('fetching models and rows', 0)
  const table = async (name: string) =>
    inputs[name] === undefined ? undefined : localTable(source.store, inputs[name].digest)
  const [champion, lastApproved] = [required(inputs, 'champion').digest, required(inputs, 'anchor').digest]
  const gates = await job('judgeNeverWorse', {
    step,
    alpha,
    candidate: await localModel(source, required(inputs, 'package').digest),
    champion: await localModel(source, champion),
    lastApproved: lastApproved === champion ? undefined : await localModel(source, lastApproved),
    tables: {
      labelled: await table('labelled'),
      test: await localTable(source.store, required(inputs, 'test').digest),
      championTest: await table('championTest'),
    },
    target: step.target.code === undefined ? undefined : await localCode(source, step.target.code),
  })
  await writeFile(join(folder, 'guard.json'), canonicalJson(gates))
  return {
    outputs: [await output('gates', 'guard.json', mediaTypes.json)],
    facts: gateFacts(gates),
  }
}
