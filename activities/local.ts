import type { CodeRef } from '../lib/formats/plan.ts'
import type { LocalCode } from '../lib/learners/training-rows.ts'
import { localFile } from '../lib/store/objects.ts'
import { requireSigned } from '../lib/store/signing.ts'
import type { ActivityDeps } from './step.ts'

/** User code, downloaded, verified, and signed by somebody this worker trusts. */
export async function localCode({ store, trusted }: ActivityDeps, ref: CodeRef): Promise<LocalCode> {
  await requireSigned(store, trusted, 'code', ref.digest)
  return { file: await localFile(store, ref.digest), digest: ref.digest, name: ref.name }
}
