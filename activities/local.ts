import type { CodeRef } from '../pipelines/plan.ts'
import { localFile } from '../store/objects.ts'
import { requireSigned } from '../store/signing.ts'
import type { LocalCode } from '../trainers/train-model.ts'
import type { ActivityDeps } from './step.ts'

/** User code, downloaded, verified, and signed by somebody this worker trusts. */
export async function localCode({ store, trusted }: ActivityDeps, ref: CodeRef): Promise<LocalCode> {
  await requireSigned(store, trusted, 'code', ref.digest)
  return { file: await localFile(store, ref.digest), digest: ref.digest, name: ref.name }
}
