import type { Bundle } from '../formats/artifact.ts'
import type { VersionRecord } from '../formats/records.ts'
import type { ModelVersion } from '../formats/route.ts'
import { isOfTensors, TensorFacts } from '../formats/tensors.ts'
import { hexOf } from '../store/digest.ts'
import { ModelFacts } from './model.ts'

/** What a bill of materials is made of. */
export interface Listed {
  readonly version: Pick<ModelVersion, 'model' | 'version' | 'digest'>
  readonly bundle: Bundle
  /** How it was registered; undefined where that is not on record. */
  readonly record: Pick<VersionRecord, 'run' | 'registeredAt' | 'metrics'> | undefined
}

const sha256 = (digest: string): object[] => [{ alg: 'SHA-256', content: hexOf(digest) }]

/**
 * A machine-learning bill of materials (CycloneDX 1.6, cyclonedx.org/docs/1.6/json): the model with its card, the files
 * of its package, the snapshot that it learnt from, and the libraries that its feature code ran with. It rests on what
 * is stored alone, so it is the same whenever it is made.
 */
export function mlBom({ version, bundle, record }: Listed): object {
  const { model, version: number, digest } = version
  const ref = `model:${model}@${number}`
  const files = Object.entries(bundle.files).map(([name, file]) => ({
    type: 'file',
    'bom-ref': `file:${name}`,
    name,
    'mime-type': file.mediaType,
    hashes: sha256(file.digest),
    properties: [{ name: 'slipway:bytes', value: String(file.size) }],
  }))
  const { card, datasets, libraries } = isOfTensors(bundle.facts) ? ofTensors(bundle) : ofRows(bundle)
  const parts = [...files, ...datasets, ...libraries]
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${uuidOf(digest)}`,
    version: 1,
    metadata: {
      ...(record !== undefined && { timestamp: record.registeredAt }),
      component: {
        type: 'machine-learning-model',
        'bom-ref': ref,
        name: model,
        version: String(number),
        hashes: sha256(digest),
        modelCard: {
          ...card,
          ...(record !== undefined && { quantitativeAnalysis: { performanceMetrics: metricsOf(record.metrics) } }),
        },
        properties: record === undefined ? [] : [{ name: 'slipway:run', value: record.run }],
      },
    },
    components: parts,
    dependencies: [{ ref, dependsOn: parts.map((part) => part['bom-ref']) }],
  }
}

interface Part {
  readonly 'bom-ref': string
}
interface Described {
  readonly card: object
  readonly datasets: readonly Part[]
  readonly libraries: readonly Part[]
}

/** CycloneDX has supervised learning for all of ours: rows have a target. */
function ofRows({ facts }: Bundle): Described {
  const { task, learner, inputs, target, outputs, snapshot, seed, featureCode } = ModelFacts.parse(facts)
  const data = `snapshot:${hexOf(snapshot)}`
  return {
    card: {
      modelParameters: {
        approach: { type: 'supervised' },
        task,
        architectureFamily: learner.kind,
        datasets: [{ ref: data }],
        inputs: inputs.map(({ name, type }) => ({ format: `${name}: ${type}` })),
        outputs: (outputs ?? [target]).map((name) => ({ format: name })),
      },
      properties: Object.entries({ seed, target, ...learner }).map(([name, value]) => ({
        name: `slipway:${name}`,
        value: typeof value === 'string' ? value : JSON.stringify(value),
      })),
    },
    datasets: [
      { type: 'data', 'bom-ref': data, name: 'snapshot', version: snapshot, hashes: sha256(snapshot) } as Part,
    ],
    libraries: Object.entries(featureCode.host).map(([name, version]) => library(name, version)),
  }
}

function ofTensors({ facts }: Bundle): Described {
  const { inputs, outputs } = TensorFacts.parse(facts)
  const format = ({ name, datatype }: TensorFacts['inputs'][number]): object => ({ format: `${name}: ${datatype}` })
  const modelParameters = { inputs: inputs.map(format), outputs: outputs.map(format) }
  return { card: { modelParameters }, datasets: [], libraries: [] }
}

const library = (name: string, version: string): Part =>
  ({ type: 'library', 'bom-ref': `library:${name}@${version}`, name, version }) as Part

const metricsOf = (metrics: Readonly<Record<string, number>>): object[] =>
  Object.entries(metrics).map(([type, value]) => ({ type, value: String(value) }))

/** A UUID of version 8 (RFC 9562): the first digits of a digest. */
function uuidOf(digest: string): string {
  const hex = hexOf(digest)
  const variant = (8 + (Number.parseInt(hex[16] as string, 16) % 4)).toString(16)
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `${variant}${hex.slice(17, 20)}`]
    .concat(hex.slice(20, 32))
    .join('-')
}
