import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Digest } from '../formats/artifact.ts'
import { canonicalJson } from '../formats/canonical.ts'
import { digestOf, hexOf } from '../store/digest.ts'
import { writeTarGz } from '../store/tar.ts'
import type { Layer } from './layers.ts'

const mediaTypes = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
} as const

/** How containers of an image run (OCI image specification, config.md). */
export interface ImageConfig {
  readonly User: string
  readonly Env: readonly string[]
  readonly Entrypoint: readonly string[]
  readonly Cmd: readonly string[]
  readonly WorkingDir: string
  readonly ExposedPorts: Readonly<Record<string, Record<string, never>>>
  readonly Labels: Readonly<Record<string, string>>
  readonly StopSignal: string
}

/** An image that was written. */
export interface WrittenImage {
  /** Of its manifest: what registries know it by. */
  readonly digest: Digest
  /**
   * Of its configuration: what engines call its id. It depends on what is in the layers, not on how they are packed.
   */
  readonly id: Digest
  /** What a registry keeps of it. */
  readonly bytes: number
  readonly layers: readonly { readonly what: string; readonly digest: Digest; readonly bytes: number }[]
}

interface Descriptor {
  readonly mediaType: string
  readonly digest: Digest
  readonly size: number
}

/** All images are made then: when they are really made is nothing that a digest may depend on. */
const created = '1970-01-01T00:00:00Z'

/**
 * Writes an image as a folder (OCI image specification, image-layout.md), whole or not at all: the same bytes for the
 * same contents, whenever and wherever it is made.
 * @param folder an empty one, or none @param tag what it is called there
 */
export async function writeImage(
  folder: string,
  tag: string,
  layers: readonly Layer[],
  config: ImageConfig,
): Promise<WrittenImage> {
  await mkdir(dirname(folder), { recursive: true })
  const partial = await mkdtemp(join(dirname(folder), `.${basename(folder)}-`))
  try {
    const blobs = join(partial, 'blobs/sha256')
    await mkdir(blobs, { recursive: true })
    const packed = []
    for (const { what, entries } of layers) {
      const archive = join(partial, 'layer')
      const { digest, size, unpacked } = await writeTarGz(archive, entries)
      await rename(archive, join(blobs, hexOf(digest)))
      packed.push({ what, digest, size, unpacked })
    }
    const put = async (mediaType: string, value: unknown): Promise<Descriptor> => {
      const text = canonicalJson(value)
      const digest = digestOf(text)
      await writeFile(join(blobs, hexOf(digest)), text)
      return { mediaType, digest, size: Buffer.byteLength(text) }
    }
    const configuration = await put(mediaTypes.config, {
      created,
      architecture: 'amd64',
      os: 'linux',
      config,
      rootfs: { type: 'layers', diff_ids: packed.map(({ unpacked }) => unpacked) },
      history: packed.map(({ what }) => ({ created, created_by: what })),
    })
    const manifest = await put(mediaTypes.manifest, {
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config: configuration,
      layers: packed.map(({ digest, size }) => ({ mediaType: mediaTypes.layer, digest, size })),
    })
    const named = { ...manifest, annotations: { 'org.opencontainers.image.ref.name': tag } }
    await writeFile(join(partial, 'index.json'), canonicalJson({ schemaVersion: 2, manifests: [named] }))
    await writeFile(join(partial, 'oci-layout'), canonicalJson({ imageLayoutVersion: '1.0.0' }))
    // An empty folder that stood there makes room.
    await rename(partial, folder)
    return {
      digest: manifest.digest,
      id: configuration.digest,
      bytes: packed.reduce((sum, { size }) => sum + size, configuration.size + manifest.size),
      layers: packed.map(({ what, digest, size }) => ({ what, digest, bytes: size })),
    }
  } finally {
    await rm(partial, { recursive: true, force: true })
  }
}
