import type { CodeRef } from '../formats/plan.ts'
import { localFile } from '../store/objects.ts'
import { requireSigned, type TrustedKeys } from '../store/signing.ts'
import type { Store } from '../store/store.ts'

/** A bundle of the user's as a local file. */
export interface LocalCode {
  readonly file: string
  readonly digest: string
  readonly name: string
}

/** Where code is, and whose signature on it counts. */
interface CodeSource {
  readonly store: Store
  readonly trusted: TrustedKeys
}

/** User code, downloaded, verified, and signed by somebody who is trusted here. */
export async function localCode({ store, trusted }: CodeSource, ref: CodeRef): Promise<LocalCode> {
  await requireSigned(store, trusted, 'code', ref.digest)
  return { file: await localFile(store, ref.digest), digest: ref.digest, name: ref.name }
}

/** The same of several. */
export const localCodes = (source: CodeSource, refs: readonly CodeRef[]): Promise<LocalCode[]> =>
  Promise.all(refs.map((ref) => localCode(source, ref)))
