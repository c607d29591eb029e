import { canonicalJson } from '../formats/canonical.ts'
import type { GateResult } from '../formats/records.ts'
import { groupOf, type RegistryMirror } from '../formats/registry-mirror.ts'
import { TrainingReport } from '../formats/training-report.ts'
import { ModelFacts, modelFiles } from '../models/model.ts'
import { type StagePackageDeps, stagePackage } from '../models/stage-package.ts'
import type { SageMakerClients } from '../sagemaker/clients.ts'
import {
  describePackage,
  ensurePackage,
  metadataNames,
  type Specification,
  writeApproval,
  writeMetadata,
} from '../sagemaker/model-packages.ts'
import { sageMakerTags } from '../sagemaker/names.ts'
import { staging } from '../sagemaker/staging.ts'
import { hexOf } from '../store/digest.ts'
import { getBundle, getJson } from '../store/objects.ts'
import { readModel } from '../store/registry.ts'
import { sageMakerCard } from './sagemaker-card.ts'

/** What SageMaker's registry is written with. */
export interface RegistryDeps extends StagePackageDeps {
  readonly sageMaker: SageMakerClients['sageMaker']
}

/** A package to put into a group, and what it was judged by. */
export interface PackageToMirror {
  readonly run: string
  readonly model: string
  readonly registry: RegistryMirror
  readonly digest: string
  readonly gates: readonly GateResult[]
  readonly metrics: Readonly<Record<string, number>>
  readonly creator: string | null
}

const contentTypes = ['application/json', 'application/jsonlines', 'text/csv']

/**
 * Puts a package into its group of SageMaker's model registry, waiting for approval: image and archive, metrics, the
 * card, and digests by which it is found again.
 * @returns its ARN
 */
export async function putIntoGroup(
  deps: RegistryDeps,
  order: PackageToMirror,
  progress: (what: string, done: number) => void,
): Promise<string> {
  const { store, sageMaker } = deps
  const { run, model, registry, digest, gates, metrics, creator } = order
  progress('bringing the package to SageMaker', 0)
  const archive = await stagePackage(deps, { model, version: await numberOf(deps, model, digest), digest })
  const bundle = await getBundle(store, digest, 'model')
  const facts = ModelFacts.parse(bundle.facts)
  const training = await getJson(store, bundle.files[modelFiles.training]?.digest as string, TrainingReport)
  const card = sageMakerCard({ facts, training, digest, run, metrics, gates, archive, creator: creator ?? undefined })
  const measured = await putMetrics(deps, digest, { run, metrics, gates })
  progress('registering it in SageMaker', 0.5)
  return ensurePackage(sageMaker, {
    group: groupOf(registry, model),
    digest,
    tags: sageMakerTags({ model }),
    request: {
      ModelPackageDescription: `${facts.task} model of ${facts.target}, Slipway run ${run}`,
      ModelApprovalStatus: 'PendingManualApproval',
      InferenceSpecification: specificationOf(registry, archive),
      ModelMetrics: {
        ModelQuality: { Statistics: { ContentType: 'application/json', S3Uri: measured.uri } },
      },
      MetadataProperties: { GeneratedBy: `slipway run ${run}` },
      CustomerMetadataProperties: {
        [metadataNames.digest]: digest,
        [metadataNames.run]: run,
        'slipway:snapshot': facts.snapshot,
        'slipway:code': facts.featureCode.digest,
      },
      ModelCard: { ModelCardContent: canonicalJson(card), ModelCardStatus: 'PendingReview' },
    },
  })
}

const specificationOf = ({ image, instances }: RegistryMirror, archive: string): Specification => ({
  Containers: [{ Image: image, ModelDataUrl: archive }],
  SupportedContentTypes: contentTypes,
  SupportedResponseMIMETypes: contentTypes,
  SupportedRealtimeInferenceInstanceTypes: instances as Specification['SupportedRealtimeInferenceInstanceTypes'],
  SupportedTransformInstanceTypes: instances as Specification['SupportedTransformInstanceTypes'],
})

/** The number that a package has, or would have if nobody is quicker. */
async function numberOf({ store }: RegistryDeps, model: string, digest: string): Promise<number> {
  const versions = (await readModel(store, model))?.versions ?? []
  const at = versions.indexOf(digest as (typeof versions)[number])
  return at < 0 ? versions.length + 1 : at + 1
}

/** Metrics and gates where SageMaker reads them. */
async function putMetrics(
  { store }: RegistryDeps,
  digest: string,
  measured: Pick<PackageToMirror, 'run' | 'metrics' | 'gates'>,
): Promise<{ uri: string }> {
  const place = staging(store, `registry/${hexOf(digest)}`)
  const name = `${measured.run}.json`
  await place.put(name, canonicalJson(measured))
  return { uri: `${place.uri}/${name}` }
}

/** A package of a group that has become a version. */
export interface RegisteredPackage {
  readonly arn: string
  readonly run: string
  readonly model: string
  readonly registry: RegistryMirror
  readonly digest: string
  readonly version: number
  /** Why it is approved by being registered; null where somebody was asked. */
  readonly reason: string | null
}

/** Writes a version's number on its package; where another one was expected, the archive with it is taken. */
export async function setVersion(deps: RegistryDeps, order: RegisteredPackage): Promise<void> {
  const { sageMaker } = deps
  const { arn, registry, model, version, digest, reason, run } = order
  const found = await describePackage(sageMaker, arn)
  const archive = await stagePackage(deps, { model, version, digest })
  const more = { [metadataNames.version]: String(version) }
  if (reason !== null) await writeApproval(sageMaker, arn, { status: 'approved', reason, run }, more)
  const isOther = found.InferenceSpecification?.Containers?.[0]?.ModelDataUrl !== archive
  await writeMetadata(sageMaker, arn, more, isOther ? specificationOf(registry, archive) : undefined)
}
