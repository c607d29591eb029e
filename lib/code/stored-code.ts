import { SlipwayError } from '../formats/errors.ts'
import { programFilesOf } from '../formats/filed-programs.ts'
import type { CodeRef, Plan } from '../formats/plan.ts'
import { kindOf } from '../formats/step-kinds/index.ts'
import { getBundle, localFile } from '../store/objects.ts'
import { requireSigned, type TrustedKeys } from '../store/signing.ts'
import type { Store } from '../store/store.ts'
import { localCodes } from './local-code.ts'

/** The user's functions that a plan runs. */
export const codeRefsOf = ({ steps }: Pick<Plan, 'steps'>): CodeRef[] =>
  steps.flatMap((step) => Object.values(kindOf(step).code?.(step) ?? {})).filter((ref) => ref !== undefined)

/** Files that steps are given whole, by digest: finished models, and samples of what they take. */
export const filesOf = (steps: Plan['steps']): string[] =>
  steps.flatMap((step) => {
    if (step.kind === 'tensors') return [step.model ?? [], step.samples?.digest ?? []].flat()
    return step.kind === 'train' && step.learner.kind === 'onnx' ? (step.learner.model ?? []) : []
  })

/**
 * Makes sure that all a plan runs lies in the store, whole and signed by somebody who is trusted here: functions,
 * finished models, the folders of programs.
 * @throws SlipwayError NOT_FOUND, SIGNATURE_INVALID, DIGEST_MISMATCH
 */
export async function requireStoredCode(
  source: { readonly store: Store; readonly trusted: TrustedKeys },
  plan: Plan,
): Promise<void> {
  const { store, trusted } = source
  try {
    await localCodes(source, codeRefsOf(plan))
    for (const file of filesOf(plan.steps)) await localFile(store, file)
    for (const files of programFilesOf(plan.steps)) {
      await requireSigned(store, trusted, 'code', files)
      await getBundle(store, files, 'program')
    }
  } catch (error) {
    if (!(error instanceof SlipwayError) || error.code !== 'OBJECT_MISSING') throw error
    throw new SlipwayError('NOT_FOUND', `the store lacks code that the plan names: ${error.message}`, {
      next: 'a plan runs where it was made: export it from a run of this store',
    })
  }
}
