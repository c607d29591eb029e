import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Bundle } from '../formats/artifact.ts'
import { containerPort } from '../formats/container-paths.ts'
import type { ModelVersion } from '../formats/route.ts'
import { isOfTensors } from '../formats/tensors.ts'
import { modelFactsOf } from '../models/model.ts'
import type { TrustedKeys } from '../store/signing.ts'
import type { TarEntry } from '../store/tar.ts'
import type { PartPlaces } from './get-part.ts'
import { home, type Layer, ownLayer, runtimeLayer, systemLayers } from './layers.ts'
import { type ImageConfig, type WrittenImage, writeImage } from './oci-layout.ts'
import { nodePart } from './parts.ts'

export interface ImageOrder {
  readonly version: ModelVersion
  /** Its manifest, and the files of its folder. */
  readonly bundle: Bundle
  readonly entries: readonly TarEntry[]
  /** Keys whose signatures count in the container. */
  readonly trusted: TrustedKeys
  readonly places: PartPlaces
}

/** Nobody: no user of a system has this number. */
const user = '65532:65532'

/**
 * Writes an image that serves one model and has nothing else in it.
 * @throws SlipwayError ENVIRONMENT_FAILED where a part cannot be had
 */
export async function writeModelImage(folder: string, order: ImageOrder): Promise<WrittenImage> {
  const { version, bundle, places } = order
  const unpacked = await mkdtemp(join(tmpdir(), 'slipway-image-'))
  try {
    const layers = [
      ...(await systemLayers(places, unpacked)),
      await runtimeLayer(),
      await ownLayer(hostPackagesOf(bundle)),
      modelLayer(order),
    ]
    return await writeImage(folder, `${version.model}-${version.version}`, layers, configOf(order, layers))
  } finally {
    await rm(unpacked, { recursive: true, force: true })
  }
}

/** What feature code takes from its host. */
function hostPackagesOf(bundle: Bundle): readonly string[] {
  if (isOfTensors(bundle.facts)) return []
  const { featureCode, decision } = modelFactsOf(bundle)
  return Object.keys({ ...featureCode.host, ...decision?.host }).sort()
}

function modelLayer({ version, entries, trusted }: ImageOrder): Layer {
  const keys = [...trusted].map(([keyId, key]): TarEntry => {
    const pem = key.export({ type: 'spki', format: 'pem' }) as string
    return { kind: 'file', path: `${home}/keys/${keyId}.pub`, from: Buffer.from(pem) }
  })
  return {
    what: `${version.model} version ${version.version}, ${version.digest}`,
    entries: [...entries.map((entry) => ({ ...entry, path: `${home}/model/${entry.path}` })), ...keys],
  }
}

function configOf({ version, trusted }: ImageOrder, layers: readonly Layer[]): ImageConfig {
  const own = layers.find(({ what }) => what.startsWith('slipway '))?.what ?? ''
  return {
    User: user,
    Env: [
      'PATH=/usr/local/bin',
      'NODE_ENV=production',
      ...(trusted.size === 0 ? [] : [`SLIPWAY_TRUSTED_KEYS=/${home}/keys`]),
    ],
    Entrypoint: ['/usr/local/bin/node', `/${home}/dist/serve.js`],
    Cmd: ['serve'],
    WorkingDir: `/${home}`,
    ExposedPorts: { [`${containerPort}/tcp`]: {} },
    Labels: {
      'org.opencontainers.image.title': version.model,
      'org.opencontainers.image.version': String(version.version),
      'slipway.model': version.model,
      'slipway.model.version': String(version.version),
      'slipway.model.digest': version.digest,
      'slipway.release': own.replace('slipway ', ''),
      'slipway.node': nodePart.version,
      // SageMaker may say on which port requests come.
      'com.amazonaws.sagemaker.capabilities.accept-bind-to-port': 'true',
    },
    StopSignal: 'SIGTERM',
  }
}
