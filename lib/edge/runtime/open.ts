import { runAnswer } from '../../code/run-answer.ts'
import { type CompiledInput, type CompiledPlan, compiledModelOn } from '../../compiler/compiled-model.ts'
import type { Column, Numbers, UserFunction } from '../../formats/columns.ts'
import type { Cross } from '../../formats/crosses.ts'
import { type Decisions, decisionAt } from '../../formats/decisions.ts'
import { SlipwayError } from '../../formats/errors.ts'
import { featureMaker, inputMaker, rowsOf } from '../../models/graph-inputs.ts'
import { readRecords } from '../../models/names.ts'
import { rowReader } from '../../models/rows.ts'
import { compiledScore, type ScoreInputs } from '../../models/score-inputs.ts'
import { type EdgeManifest, edgeFiles, hostFile, type Probe } from '../manifest.ts'
import { answersOf, type Scored } from './answers.ts'
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
  const load = await codeLoader(manifest, read)
  const makeFeatures = featureMaker(facts, await load(edgeFiles.code))
  const decide = await decider(facts, load)
  const inputsOf = inputMaker(facts, crosses)
  const scoreInputs =
    manifest.engine === 'compiled' ? await compiled(manifest, read) : await onnxRuntimeScore(manifest, read)
  const reader = rowReader(facts.inputs)
  const score = async (rows: readonly EdgeRow[]): Promise<Scored> => {
    const { columns, rows: count } = readRecords(reader, rows, 'rows')
    if (count === 0) return { predictions: new Float32Array(0), decisions: undefined }
    const features = makeFeatures(columns)
    const predictions = await scoreInputs(inputsOf(features), rowsOf(features))
    return { predictions, decisions: decide?.(predictions, columns) }
  }
  await requireProbe(manifest, read, score)
  return { manifest, predict: async (rows) => answersOf(facts, await score(rows)) }
}

/** Makes instances of the user's functions. The packages that they take from their host come along in the folder. */
async function codeLoader({ facts, files }: EdgeManifest, read: ReadFile): Promise<LoadCode> {
  const hosts = new Map<string, unknown>()
  for (const name of Object.keys({ ...facts.featureCode.host, ...facts.decision?.host })) {
    if (files[hostFile(name)] !== undefined)
      hosts.set(name, evaluate(await textOf(read, hostFile(name)), hostFile(name), noPackage))
  }
  const take = (name: string): unknown => hosts.get(name) ?? noPackage(name)
  return async (file) =>
    (evaluate(await textOf(read, file), `slipway-${file}`, take) as { default: UserFunction }).default
}

type LoadCode = (file: string) => Promise<UserFunction>

/** The function that makes answers of predictions and rows, where there is one. */
async function decider({ decision, task, outputs }: EdgeManifest['facts'], load: LoadCode) {
  if (decision === undefined) return undefined
  const answerer = { userFunction: await load(edgeFiles.answer), name: decision.name, task, outputs }
  return (predictions: Numbers, columns: Readonly<Record<string, Column>>): Decisions =>
    runAnswer(answerer, predictions, columns, decision.kind)
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
  score: (rows: readonly EdgeRow[]) => Promise<Scored>,
): Promise<void> {
  const { rows, answers, decisions = [], tolerance } = parseJson(await read(edgeFiles.probe), edgeFiles.probe) as Probe
  const { buffer } = fromBase64(answers)
  const expected = facts.answers === 'float64' ? new Float64Array(buffer) : new Float32Array(buffer)
  const { predictions: given, decisions: decided } = await score(rows)
  const isAlike = (a: unknown, b: unknown): boolean =>
    Object.is(a, b) ||
    (typeof a === 'number' && typeof b === 'number' && Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b)))
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [given[i] as number, expected[i] as number]
    if (isAlike(a, b) && given.length === expected.length) continue
    throw new SlipwayError('PARITY', `the model answers ${a} here where it answered ${b} when it was packaged`)
  }
  for (const [row, wanted] of decisions.entries()) {
    const found = decided === undefined ? undefined : decisionAt(decided, row)
    if (!isAlike(found, wanted))
      throw new SlipwayError('PARITY', `the answer is ${found} here where it was ${wanted} when it was packaged`)
  }
}
