import { type CompiledInput, type CompiledPlan, compiledModelOn } from '../../compiler/compiled-model.ts'
import type { Numbers, UserFunction } from '../../formats/columns.ts'
import type { Cross } from '../../formats/crosses.ts'
import { SlipwayError } from '../../formats/errors.ts'
import { featureMaker, inputMaker, rowsOf } from '../../models/graph-inputs.ts'
import { readRecords } from '../../models/names.ts'
import { rowReader } from '../../models/rows.ts'
import { compiledScore, type ScoreInputs } from '../../models/score-inputs.ts'
import { type EdgeManifest, edgeFiles, hostFile, type Probe } from '../manifest.ts'
import { answersOf } from './answers.ts'
import { fromBase64, parseJson } from './bytes.ts'
import { onnxRuntimeScore } from './onnxruntime.ts'
import type { EdgeAnswer, EdgeRow } from './slipway-edge.d.ts'

/** A file of a manifest, verified. */
export type ReadFile = (name: string) => Promise<Uint8Array>

/** A model that scores. */
export interface Opened {
  readonly manifest: EdgeManifest
  predict(rows: readonly EdgeRow[]): Promise<EdgeAnswer[]>
}

/** What `model.json` holds: what a program needs to know to run the compiled trees, and rows they must get right. */
export interface CompiledParts {
  readonly plan: CompiledPlan
  readonly golden: {
    readonly rows: number
    readonly inputs: Readonly<Record<string, { readonly float32: string } | readonly (string | null)[]>>
    readonly answers: string
  }
}

/**
 * Starts a model, and makes sure that it answers here as it did where it was packaged: its compiled trees to the last
 * bit, on rows of features and on rows as they come.
 * @throws SlipwayError PARITY, HOST_MISMATCH
 */
export async function openModel(manifest: EdgeManifest, read: ReadFile): Promise<Opened> {
  const { facts } = manifest
  const crosses =
    facts.crosses === undefined
      ? undefined
      : (parseJson(await read(edgeFiles.crosses), edgeFiles.crosses) as readonly Cross[])
  const makeFeatures = featureMaker(facts, await featureCode(manifest, read))
  const inputsOf = inputMaker(facts, crosses)
  const scoreInputs =
    manifest.engine === 'compiled' ? await compiled(manifest, read) : await onnxRuntimeScore(manifest, read)
  const reader = rowReader(facts.inputs)
  const score = async (rows: readonly EdgeRow[]): Promise<Numbers> => {
    const { columns, rows: count } = readRecords(reader, rows, 'rows')
    if (count === 0) return new Float32Array(0)
    const features = makeFeatures(columns)
    return scoreInputs(inputsOf(features), rowsOf(features))
  }
  await requireProbe(manifest, read, score)
  return { manifest, predict: async (rows) => answersOf(facts, await score(rows)) }
}

/** An instance of the feature code. The packages that it takes from its host come along in the folder. */
async function featureCode({ facts, files }: EdgeManifest, read: ReadFile): Promise<UserFunction> {
  const hosts = new Map<string, unknown>()
  for (const name of Object.keys(facts.featureCode.host)) {
    if (files[hostFile(name)] !== undefined)
      hosts.set(name, evaluate(await textOf(read, hostFile(name)), hostFile(name), noPackage))
  }
  const take = (name: string): unknown => hosts.get(name) ?? noPackage(name)
  const code = await textOf(read, edgeFiles.code)
  return (evaluate(code, 'slipway-features.js', take) as { default: UserFunction }).default
}

const textOf = async (read: ReadFile, name: string): Promise<string> => new TextDecoder().decode(await read(name))

function noPackage(name: string): never {
  throw new SlipwayError('HOST_MISMATCH', `the model's code asks for ${name}, which its folder does not hold`)
}

/** Runs a CommonJS text and returns its exports, as `lib/code/load.ts` does. */
function evaluate(code: string, name: string, require: (name: string) => unknown): unknown {
  const module = { exports: {} }
  new Function('module', 'exports', 'require', `${code}\n//# sourceURL=${name}`)(module, module.exports, require)
  return module.exports
}

async function compiled({ facts }: EdgeManifest, read: ReadFile): Promise<ScoreInputs> {
  const { plan, golden } = parseJson(await read(edgeFiles.plan), edgeFiles.plan) as CompiledParts
  const { instance } = await WebAssembly.instantiate(await read(edgeFiles.wasm))
  const model = compiledModelOn(plan, instance, await read(edgeFiles.tables))
  const inputs = Object.fromEntries(
    Object.entries(golden.inputs).map(([name, values]) => [name, goldenInput(values)] as const),
  )
  const expected = fromBase64(golden.answers)
  // More than once: the code is compiled better once it has run a little.
  for (let round = 0; round < 20; round++) {
    const { buffer } = model.score(inputs, golden.rows)
    if (!isEqual(new Uint8Array(buffer), expected))
      throw new SlipwayError('PARITY', 'the compiled model does not repeat its golden rows here')
  }
  return compiledScore(facts, model)
}

const goldenInput = (values: CompiledParts['golden']['inputs'][string]): CompiledInput =>
  'float32' in values ? new Float32Array(fromBase64(values.float32).buffer) : values

const isEqual = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i])

async function requireProbe(
  { facts }: EdgeManifest,
  read: ReadFile,
  score: (rows: readonly EdgeRow[]) => Promise<Numbers>,
): Promise<void> {
  const { rows, answers, tolerance } = parseJson(await read(edgeFiles.probe), edgeFiles.probe) as Probe
  const { buffer } = fromBase64(answers)
  const expected = facts.answers === 'float64' ? new Float64Array(buffer) : new Float32Array(buffer)
  const given = await score(rows)
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [given[i] as number, expected[i] as number]
    const isAlike = Object.is(a, b) || Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b))
    if (isAlike && given.length === expected.length) continue
    throw new SlipwayError('PARITY', `the model answers ${a} here where it answered ${b} when it was packaged`)
  }
}
