import { mediaTypes } from '../formats/artifact.ts'
import { canonicalJson } from '../formats/canonical.ts'
import { SlipwayError } from '../formats/errors.ts'
import { digestOf } from '../store/digest.ts'
import { putBytes } from '../store/objects.ts'
import { localFolder, type OutputFolder, outputFolder } from '../store/outputs.ts'
import { type Signer, signedEnvelope, signedIn } from '../store/signing.ts'
import type { Store } from '../store/store.ts'
import { channelFile, channelPath, type Publication } from './manifest.ts'
import type { EdgePackage } from './pack.ts'

/** Where folders find updates: `s3://bucket/prefix`, or a path. */
export function openChannel(store: Store, to: string): OutputFolder {
  return to.startsWith('s3://') ? outputFolder(store, to, undefined) : localFolder(store, to)
}

/**
 * Makes sure that a channel is this model's, or nobody's yet, before the work.
 * @throws SlipwayError OUTPUT_OCCUPIED
 */
export async function requireChannel(channel: OutputFolder, model: string): Promise<void> {
  const text = await channel.read(channelFile)
  if (text === undefined) return
  const found = signedIn(Buffer.from(text), 'edge')
  if (found?.name === model) return
  throw new SlipwayError(
    'OUTPUT_OCCUPIED',
    `${channel.address} is ${found === undefined ? 'no channel of models' : `the channel of ${found.name}`}`,
    { next: 'give each model a channel of its own' },
  )
}

/**
 * Publishes: what is named by its digest first, and what names it last, so that whoever reads meanwhile finds the
 * publication before or this one, whole.
 * @throws SlipwayError REF_CONFLICT where a newer one came first
 */
export async function publish(
  store: Store,
  channel: OutputFolder,
  signer: Signer,
  { manifest, files }: EdgePackage,
  sequence: number,
): Promise<void> {
  const text = canonicalJson(manifest)
  const digest = digestOf(text)
  for (const bytes of [...files.values(), Buffer.from(text)]) {
    const ref = await putBytes(store, bytes, mediaTypes.binary)
    await channel.put(channelPath(ref.digest), ref.digest)
  }
  const claim: Publication = { sequence, version: manifest.version, package: manifest.package }
  const envelope = canonicalJson(
    signedEnvelope(signer, { subject: 'edge', name: manifest.model, digest, claim: { ...claim } }),
  )
  // Written again where somebody who began earlier came after all: the higher number is the one that stays.
  for (let attempt = 0; attempt < 3; attempt++) {
    const there = await channel.read(channelFile)
    if (there === envelope) return
    const other = there === undefined ? undefined : signedIn(Buffer.from(there), 'edge')?.claim?.sequence
    if (typeof other === 'number' && other > sequence)
      throw new SlipwayError('REF_CONFLICT', `${channel.address} has publication ${other}, newer than ${sequence}`, {
        next: 'somebody published meanwhile: look at that, and package again if it is not what you want',
      })
    await channel.write(channelFile, envelope)
  }
}
