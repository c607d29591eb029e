import { codeRefsOf, filesOf } from '../../code/stored-code.ts'
import { type Bundle, mediaTypes } from '../../formats/artifact.ts'
import { programFilesOf } from '../../formats/filed-programs.ts'
import type { Step } from '../../formats/plan.ts'
import type { StepOutline } from '../../formats/plan-outline.ts'
import type { PackageSource } from '../../models/package.ts'
import { getBundle, localFile, putFile, putJson } from '../../store/objects.ts'
import { putPlan } from '../../store/plans.ts'
import { requireSigned, type Signer, type Subject, sign } from '../../store/signing.ts'
import type { Store } from '../../store/store.ts'
import type { OnRecord } from './on-record.ts'
import { recordedInputs } from './recorded-inputs.ts'

/** A store to take things to, and the key that vouches there for what was signed where it came from. */
export interface ScratchPlace {
  readonly store: Store
  readonly signer: Signer
}

/** What steps are carried out with, in the scratch store. */
export interface TakenInputs {
  readonly planDigest: string
  readonly sources: Readonly<Record<string, string>>
  readonly snapshots: Readonly<Record<string, string>>
}

/**
 * Takes to an empty store what a version was made from, and nothing that its run made: the plan, the bytes of its
 * sources, code, programs, finished models, and the version it was compared with. All is checked by digest and
 * signature on the way.
 * @throws SlipwayError OBJECT_MISSING, DIGEST_MISMATCH, SIGNATURE_INVALID
 */
export async function takeInputs(
  from: PackageSource,
  to: ScratchPlace,
  { plan, again, steps, registered }: Pick<OnRecord, 'plan' | 'again' | 'steps' | 'registered'>,
): Promise<TakenInputs> {
  const whole = stepsOf(plan.steps, again)
  const { contents, snapshots } = await recordedInputs(from.store, again, steps)
  const sources: Record<string, string> = {}
  for (const [id, files] of Object.entries(contents)) {
    for (const { digest } of files) await takeBlob(from, to, digest)
    sources[id] = (await putJson(to.store, files)).digest
  }
  for (const digest of Object.values(snapshots)) await takeBundle(from, to, digest, 'snapshot')
  for (const digest of new Set(codeRefsOf({ steps: whole }).map((ref) => ref.digest)))
    await takeSigned(from, to, digest, 'code')
  for (const digest of filesOf(whole)) await takeBlob(from, to, digest)
  for (const files of programFilesOf(whole)) await takeProgram(from, to, files)
  if (registered.against !== null && again.some((step) => step.kind === 'gate' && step.againstChampion))
    await takePackage(from, to, registered.against)
  return { planDigest: (await putPlan(to.store, plan)).digest, sources, snapshots }
}

/** A model package with its signature. */
export async function takePackage(from: PackageSource, to: ScratchPlace, digest: string): Promise<void> {
  await takeBundle(from, to, digest, 'model')
  await vouch(from, to, digest, 'model')
}

async function takeProgram(from: PackageSource, to: ScratchPlace, digest: string): Promise<void> {
  await takeBundle(from, to, digest, 'program')
  await vouch(from, to, digest, 'code')
}

function stepsOf(steps: readonly Step[], wanted: readonly StepOutline[]): Step[] {
  const ids = new Set(wanted.map(({ id }) => id))
  return steps.filter(({ id }) => ids.has(id))
}

/** Takes a file as it is. @throws SlipwayError OBJECT_MISSING, DIGEST_MISMATCH */
export async function takeBlob(from: PackageSource, to: ScratchPlace, digest: string): Promise<void> {
  await putFile(to.store, await localFile(from.store, digest), mediaTypes.binary)
}

/** Takes a bundle with all its files. @throws SlipwayError OBJECT_MISSING, DIGEST_MISMATCH */
export async function takeBundle(
  from: PackageSource,
  to: ScratchPlace,
  digest: string,
  kind: Bundle['kind'],
): Promise<void> {
  const { files } = await getBundle(from.store, digest, kind)
  for (const file of new Set(Object.values(files).map((each) => each.digest))) await takeBlob(from, to, file)
  await takeBlob(from, to, digest)
}

async function takeSigned(from: PackageSource, to: ScratchPlace, digest: string, subject: Subject): Promise<void> {
  await takeBlob(from, to, digest)
  await vouch(from, to, digest, subject)
}

/** Signs by the scratch key what somebody who is trusted signed: that key is the only one that counts there. */
async function vouch(from: PackageSource, to: ScratchPlace, digest: string, subject: Subject): Promise<void> {
  await requireSigned(from.store, from.trusted, subject, digest)
  await sign(to.store, to.signer, { subject, name: digest, digest })
}
