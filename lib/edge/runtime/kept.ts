import { SlipwayError } from '../../formats/errors.ts'
import { channelFile, channelPath, type EdgeFolder, type EdgeManifest, edgeFiles } from '../manifest.ts'
import { parseJson, requireDigest } from './bytes.ts'
import { readEnvelope } from './envelope.ts'
import { type Opened, openModel, type ReadFile } from './open.ts'
import type { Place } from './places.ts'

/** A model in force, and the publication that it came with. */
export interface InForce {
  readonly opened: Opened
  readonly sequence: number
  /** Digest of its manifest. */
  readonly manifest: string
}

/** The model that a folder was made with. */
export async function shippedModel(place: Place, edge: EdgeFolder): Promise<InForce> {
  const bytes = await requireDigest(await place.shipped(edgeFiles.manifest), edge.manifest, edgeFiles.manifest)
  const manifest = parseJson(bytes, edgeFiles.manifest) as EdgeManifest
  const opened = await openModel(manifest, verified(manifest, place.shipped))
  return { opened, sequence: edge.sequence, manifest: edge.manifest }
}

/** The files of a manifest by their names, from wherever they lie. @throws SlipwayError DIGEST_MISMATCH */
export const verified =
  ({ files }: EdgeManifest, read: ReadFile): ReadFile =>
  async (name) => {
    const file = files[name]
    if (file === undefined) throw new SlipwayError('OBJECT_MISSING', `the manifest names no ${name}`)
    return requireDigest(await read(name), file.digest, name)
  }

/**
 * The update that was gone over to last, where it is newer than the folder, whole, and still signed by its key: who may
 * write here may not choose what scores.
 */
export async function keptUpdate(
  place: Place,
  edge: EdgeFolder,
): Promise<{ kept?: InForce | undefined; refused: string | undefined }> {
  const envelope = edge.publicKey === null ? undefined : await place.kept(channelFile)
  if (envelope === undefined) return { refused: undefined }
  try {
    const { model, manifest: digest, sequence } = await readEnvelope(envelope, edge.publicKey as string)
    if (sequence <= edge.sequence || model !== edge.model) return { refused: undefined }
    const keptFile = async (digest: string): Promise<Uint8Array> => {
      const bytes = await place.kept(nameOf(digest))
      if (bytes === undefined) throw new SlipwayError('OBJECT_MISSING', `${channelPath(digest)} is not kept any more`)
      return bytes
    }
    const bytes = await requireDigest(await keptFile(digest), digest, edgeFiles.manifest)
    const manifest = parseJson(bytes, edgeFiles.manifest) as EdgeManifest
    const read = verified(manifest, (name) => keptFile(manifest.files[name]?.digest as string))
    return { kept: { opened: await openModel(manifest, read), sequence, manifest: digest }, refused: undefined }
  } catch (error) {
    return { refused: (error as Error).message }
  }
}

/** What kept bytes are called: the digits of their sha256. */
export const nameOf = (digest: string): string => digest.slice('sha256:'.length)
