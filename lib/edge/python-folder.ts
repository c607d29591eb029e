import { readFile } from 'node:fs/promises'
import { SlipwayError } from '../formats/errors.ts'
import type { ModelVersion } from '../formats/route.ts'
import { type LocalModel, loadModel, type ModelFacts } from '../models/model.ts'
import { readRecords } from '../models/names.ts'
import { rowReader } from '../models/rows.ts'
import { digestOf } from '../store/digest.ts'
import type { Row } from './made-up-rows.ts'
import { makeProbe } from './make-probe.ts'
import { type EdgeFile, edgeFiles } from './manifest.ts'

/** What scoring features in Python needs to know of a model. */
type PythonFacts = Pick<ModelFacts, 'task' | 'features' | 'answers' | 'outputs' | 'crosses'>

/** `manifest.json` of a folder that `slipway_client.load` reads. */
interface PythonManifest {
  readonly slipway: 'python-folder/1'
  readonly model: string
  readonly version: number
  /** Digest of its package. */
  readonly package: string
  readonly facts: PythonFacts
  readonly files: Readonly<Record<string, EdgeFile>>
}

interface Packing {
  readonly local: LocalModel
  readonly version: ModelVersion
  /** Rows to go along with it, instead of such as are made up. */
  readonly probe?: readonly Row[] | undefined
}

/**
 * A model as a folder that Python scores with ONNX Runtime: its graph, which takes features, and features with the
 * answers that a gateway gives to them. What makes features of rows is JavaScript and stays out.
 * @throws SlipwayError NOT_FOUND where no rows can be made up, REQUEST_INVALID for given ones that break the contract
 */
export async function pythonFolder({ local, version, probe }: Packing): Promise<Map<string, Uint8Array>> {
  const { facts, onnxFile, crossesFile } = local
  const files = new Map<string, Uint8Array>([[edgeFiles.onnx, await readFile(onnxFile)]])
  if (crossesFile !== undefined) files.set(edgeFiles.crosses, await readFile(crossesFile))
  files.set(edgeFiles.probe, await featuresProbe(local, probe))
  const { task, features, answers, outputs, crosses } = facts
  const manifest: PythonManifest = {
    slipway: 'python-folder/1',
    model: version.model,
    version: version.version,
    package: version.digest,
    facts: { task, features, answers, outputs, crosses },
    files: Object.fromEntries(
      [...files].map(([name, bytes]) => [name, { digest: digestOf(bytes), size: bytes.length }]),
    ),
  }
  files.set(edgeFiles.manifest, Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`))
  files.set('README.md', Buffer.from(readme(version, facts)))
  return files
}

/** Features of rows and what the model answers to them, as JSON: missing numbers and texts are null. */
async function featuresProbe(local: LocalModel, given: readonly Row[] | undefined): Promise<Uint8Array> {
  const model = await loadModel(local)
  try {
    const { rows } = await makeProbe(local, model, given)
    const features = model.makeFeatures(readRecords(rowReader(model.facts.inputs), rows, '--probe').columns)
    const { buffer, byteOffset, byteLength } = await model.scoreFeatures(features)
    const columns = Object.fromEntries(
      model.facts.features.map(({ name }) => [name, [...requireColumn(features[name], name)]]),
    )
    // JSON has no NaN, and makes null of it.
    return Buffer.from(
      JSON.stringify({ features: columns, answers: Buffer.from(buffer, byteOffset, byteLength).toString('base64') }),
    )
  } finally {
    await model.release()
  }
}

function requireColumn<Column>(column: Column | undefined, name: string): Column {
  if (column === undefined) throw new SlipwayError('INTERNAL', `the feature code makes no ${name}`)
  return column
}

const readme = ({ model, version }: ModelVersion, { features, decision }: ModelFacts): string => `# ${model}, version \
${version}

Scored in Python without a gateway: \`pip install "slipway-client[onnx]"\`.

    import slipway_client
    model = slipway_client.load("this folder")
    answers = model.predict(features)  # columns by name, a list of dicts, or a pandas frame

It takes features, not rows, for what makes features is JavaScript: ${features.map(({ name }) => name).join(', ')}.
${decision === undefined ? '' : `Its function \`${decision.name}\`, which answers of rows and scores, is JavaScript too: these are scores.\n`}`
