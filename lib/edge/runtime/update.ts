import { SlipwayError } from '../../formats/errors.ts'
import { channelFile, channelPath, type EdgeFolder, type EdgeManifest, edgeFiles } from '../manifest.ts'
import { parseJson, requireDigest } from './bytes.ts'
import { readEnvelope, type SignedPublication } from './envelope.ts'
import { type InForce, nameOf, verified } from './kept.ts'
import { openModel } from './open.ts'
import { channelReader, type Place, type ReadChannel } from './places.ts'
import type { EdgeModel, EdgeUpdate } from './slipway-edge.d.ts'

/** What scores, and how another takes its place. */
interface Scoring {
  current(): InForce
  goOver(to: InForce): void
}

/**
 * Looks at channels, one look after the other. All of a publication is here, verified and tried before anything says
 * that it is in force, and that is one write: what is torn, unsigned, older, another's, or answers otherwise than it
 * should leaves what was there.
 */
export function updater(place: Place, edge: EdgeFolder, scoring: Scoring): EdgeModel['update'] {
  const tell = (outcome: Pick<EdgeUpdate, 'status' | 'code' | 'reason'>): EdgeUpdate => {
    const { opened, sequence } = scoring.current()
    return { ...outcome, version: opened.manifest.version, sequence }
  }
  /** What was refused last, and why: it is not fetched and tried at every look. */
  let refused: { readonly envelope: string; readonly outcome: EdgeUpdate } | undefined
  const look = async (channel: string | URL): Promise<EdgeUpdate> => {
    let text: string | undefined
    try {
      const read = channelReader(channel)
      const envelope = await read(channelFile)
      text = new TextDecoder().decode(envelope)
      if (refused?.envelope === text) return tell(refused.outcome)
      const publication = await accepted(envelope, edge, scoring.current())
      if (publication === undefined) return tell({ status: 'current' })
      const opened = await take(publication, read, place, scoring.current())
      await place.keep(channelFile, envelope)
      const before = scoring.current()
      scoring.goOver({ opened, sequence: publication.sequence, manifest: publication.manifest })
      // Whoever reads the folder meanwhile may be about to load the one before.
      await place.prune(namesOf(scoring.current(), before)).catch(() => {})
      return tell({ status: 'updated' })
    } catch (error) {
      const { code = 'INTERNAL', message } = error as SlipwayError
      const outcome = tell({ status: code === 'OBJECT_MISSING' ? 'unreachable' : 'refused', code, reason: message })
      // What was torn on its way may come whole the next time.
      if (text !== undefined && code !== 'OBJECT_MISSING' && code !== 'DIGEST_MISMATCH')
        refused = { envelope: text, outcome }
      return outcome
    }
  }
  let last: Promise<unknown> = Promise.resolve()
  return (channel) => {
    const next = last.then(() => look(channel))
    last = next
    return next
  }
}

/** What a channel publishes, where it is newer than what scores. @throws SlipwayError where it may not be taken */
async function accepted(
  envelope: Uint8Array,
  { model, publicKey }: EdgeFolder,
  { sequence, manifest }: InForce,
): Promise<SignedPublication | undefined> {
  if (publicKey === null)
    throw new SlipwayError('SIGNATURE_INVALID', 'this folder was made without a key, so it takes no updates')
  const publication = await readEnvelope(envelope, publicKey)
  if (publication.model !== model)
    throw new SlipwayError('MODEL_INVALID', `the channel publishes ${publication.model}, and this is ${model}`)
  if (publication.sequence > sequence) return publication
  if (publication.sequence === sequence && publication.manifest === manifest) return undefined
  throw new SlipwayError(
    'ROUTE_CONFLICT',
    `the channel says publication ${publication.sequence}; number ${sequence} was here already`,
  )
}

/** Reads what is published, keeps it, and tries it. */
async function take({ manifest: digest, model }: SignedPublication, read: ReadChannel, place: Place, current: InForce) {
  const fetched = async (wanted: string, what: string): Promise<Uint8Array> => {
    const known = await place.kept(nameOf(wanted))
    if (known !== undefined && (await requireDigest(known, wanted, what).catch(() => undefined))) return known
    const bytes = await requireDigest(await read(channelPath(wanted)), wanted, what)
    await place.keep(nameOf(wanted), bytes)
    return bytes
  }
  const manifest = parseJson(await fetched(digest, edgeFiles.manifest), edgeFiles.manifest) as EdgeManifest
  const inputVersion = current.opened.manifest.facts.signature
  if (manifest.slipway !== 'edge/1')
    throw new SlipwayError('MODEL_INVALID', `the channel publishes ${manifest.slipway}; this module reads edge/1`)
  if (manifest.model !== model || manifest.facts.signature !== inputVersion)
    throw new SlipwayError(
      'SIGNATURE_BREAKING',
      `the channel publishes ${manifest.model} of input version ${manifest.facts.signature}, and this takes ${inputVersion}`,
    )
  for (const [name, file] of Object.entries(manifest.files)) await fetched(file.digest, name)
  return openModel(
    manifest,
    verified(manifest, (name) => fetched(manifest.files[name]?.digest as string, name)),
  )
}

const namesOf = (...models: readonly InForce[]): Set<string> =>
  new Set([
    channelFile,
    ...models.flatMap(({ manifest, opened }) => [
      nameOf(manifest),
      ...Object.values(opened.manifest.files).map(({ digest }) => nameOf(digest)),
    ]),
  ])
