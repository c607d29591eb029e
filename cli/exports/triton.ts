import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { servedVersion } from '../../client/model-version.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import type { ModelVersion } from '../../lib/formats/route.ts'
import type { TensorSpec } from '../../lib/formats/tensors.ts'
import { tensorsOf } from '../../lib/learners/finished/tensors.ts'
import type { LocalModel } from '../../lib/models/model.ts'
import { localPackage } from '../../lib/models/package.ts'
import { isTensorModel } from '../../lib/models/package-files.ts'
import type { LocalTensorModel } from '../../lib/models/tensors/session.ts'
import { trustedKeysOf } from '../../workers/settings.ts'
import { openStoreContext } from '../context.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson } from '../output.ts'

/** Rows that Triton may put in one batch. */
const mostRows = 1_024

/** What the graph does not do, and who asks Triton has to: in words, for those who take it from here. */
export interface LeftOut {
  /** Columns that it takes, which feature code makes of rows. */
  readonly features: readonly string[]
  /** The function whose answer a gateway adds. */
  readonly answer: string | undefined
}

/** `export triton flights --to models`: a model repository of Triton's, for its ONNX Runtime backend. */
export async function exportTriton(what: string, { to, json }: JsonOption & { to: string }): Promise<number> {
  const { settings, store } = openStoreContext()
  const version = await servedVersion(store, what)
  const local = await localPackage({ store, trusted: trustedKeysOf(settings) }, version.digest)
  const onnx = await readFile(local.onnxFile)
  const config = tritonConfig(version, local, onnx)
  const folder = join(resolve(to), version.model)
  await writeRepository(folder, { 'config.pbtxt': config, [`${version.version}/model.onnx`]: onnx })
  const { features, answer } = leftOut(local)
  if (json === true) printJson({ ...version, folder, features, answer: answer ?? null })
  else {
    print(`${version.model} version ${version.version}\n  ${folder}`)
    if (features.length > 0) print(`  takes features, which no graph makes of rows: ${features.join(', ')}`)
    if (answer !== undefined) print(`  answers scores: what ${answer} makes of them is left out`)
  }
  return 0
}

async function writeRepository(folder: string, files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  try {
    for (const [name, content] of Object.entries(files)) {
      await mkdir(dirname(join(folder, name)), { recursive: true })
      await writeFile(join(folder, name), content)
    }
  } catch (error) {
    throw new SlipwayError('USAGE', `--to ${folder} cannot be written: ${(error as Error).message}`, {
      next: 'give a folder that may be written',
    })
  }
}

const leftOut = (local: LocalModel | LocalTensorModel): LeftOut =>
  isTensorModel(local)
    ? { features: [], answer: undefined }
    : { features: local.facts.features.map(({ name }) => name), answer: local.facts.decision?.name }

/**
 * A model's `config.pbtxt` (Triton's model_configuration.md).
 * @throws SlipwayError MODEL_INVALID for a model that takes more of its server than its graph does
 */
export function tritonConfig(
  { model, version, digest }: ModelVersion,
  local: LocalModel | LocalTensorModel,
  onnx: Uint8Array,
): string {
  requireGraphAlone(model, local)
  const refuse = (why: string, next: string): SlipwayError =>
    new SlipwayError('MODEL_INVALID', `model ${model} is not for Triton: ${why}`, { next })
  const { inputs, outputs, isBatched } = tensorsOf(refuse, onnx)
  for (const { name, shape } of [...inputs, ...outputs])
    if (shape === undefined)
      throw refuse(`its graph does not say how many axes "${name}" has`, 'export it with a shape')
  const { features, answer } = leftOut(local)
  // Rows are scored one by one, so that company changes nothing; of tensors sums may depend on it.
  const joins = isBatched && !isTensorModel(local)
  return `${[
    `# ${model}, version ${version}, ${digest}. Written by slipway export triton.`,
    ...(features.length > 0
      ? [`# Takes features, which the gateway's code makes of rows: ${features.join(', ')}.`]
      : []),
    ...(answer === undefined ? [] : [`# Answers scores: what the function ${answer} makes of them is left out.`]),
    `name: ${text(model)}`,
    'backend: "onnxruntime"',
    `max_batch_size: ${isBatched ? mostRows : 0}`,
    ...tensorLines('input', inputs, isBatched),
    ...tensorLines('output', outputs, isBatched),
    `version_policy: { specific: { versions: [ ${version} ] } }`,
    ...(joins ? ['dynamic_batching { }'] : []),
    'instance_group [ { count: 1 kind: KIND_CPU } ]',
    // One thread an operator, as here: ONNX Runtime's last bits depend on it.
    ...['intra_op_thread_count', 'inter_op_thread_count'].map((key) => parameter(key, '1')),
    parameter('slipway.digest', digest),
  ].join('\n')}\n`
}

/** What Triton would answer without what a gateway does to features would be another model's answers. */
function requireGraphAlone(model: string, local: LocalModel | LocalTensorModel): void {
  if (isTensorModel(local)) return
  const { crosses = [], features } = local.facts
  const offset = features.filter((feature) => feature.offset !== undefined).map(({ name }) => name)
  const [made, which] =
    crosses.length > 0
      ? [`crosses (${crosses.join(', ')}), which a gateway makes of features`, 'without crosses']
      : [`less than its features (${offset.join(', ')}): a gateway takes offsets off them`, 'without such columns']
  if (crosses.length === 0 && offset.length === 0) return
  throw new SlipwayError('MODEL_INVALID', `model ${model} is not for Triton: its graph takes ${made}`, {
    next: `train one ${which}, or serve it by a gateway: it speaks Triton's protocol`,
  })
}

const text = (value: string): string => JSON.stringify(value)
const parameter = (key: string, value: string): string =>
  `parameters { key: ${text(key)} value { string_value: ${text(value)} } }`

/** @param isBatched whether the first axis is the batch's, which Triton adds itself */
const tensorLines = (field: 'input' | 'output', specs: readonly TensorSpec[], isBatched: boolean): string[] =>
  specs.map(({ name, datatype, shape = [] }) => {
    const axes = isBatched ? shape.slice(1) : shape
    const dims = axes.map((axis) => (typeof axis === 'number' ? axis : -1))
    const type = `TYPE_${datatype === 'BYTES' ? 'STRING' : datatype}`
    // Triton has no tensors without axes: of those it sees one of size 1.
    const rest = dims.length > 0 ? `dims: [ ${dims.join(', ')} ]` : 'dims: [ 1 ] reshape: { shape: [ ] }'
    return `${field} [ { name: ${text(name)} data_type: ${type} ${rest} } ]`
  })
