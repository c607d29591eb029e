import { readFile } from 'node:fs/promises'
import { hostText } from '../code/host.ts'
import { SlipwayError } from '../formats/errors.ts'
import type { ModelVersion } from '../formats/route.ts'
import { CompiledModelReport } from '../models/compiled-model.ts'
import { type LoadedModel, type LocalModel, loadModel, type ModelFacts } from '../models/model.ts'
import { digestOf } from '../store/digest.ts'
import type { Row } from './made-up-rows.ts'
import { makeProbe } from './make-probe.ts'
import { type EdgeFacts, type EdgeManifest, edgeFiles, hostFile } from './manifest.ts'
import { onnxRuntimeFiles } from './onnxruntime-web.ts'

/** A model for the edge: its manifest, and the files that it names. */
export interface EdgePackage {
  readonly manifest: EdgeManifest
  readonly files: ReadonlyMap<string, Uint8Array>
}

interface Packing {
  readonly local: LocalModel
  readonly version: ModelVersion
  /** The project, from which ONNX Runtime for browsers is taken where the model needs it. */
  readonly root: string
  /** Rows to go along with it, instead of such as are made up. */
  readonly probe?: readonly Row[] | undefined
}

/**
 * What a model needs to score outside of Slipway, and nothing else: no profile, no report, nothing of its data.
 * @throws SlipwayError ENVIRONMENT_FAILED where ONNX Runtime for browsers is needed and is not there
 */
export async function packForEdge({ local, version, root, probe }: Packing): Promise<EdgePackage> {
  const { facts } = local
  const model = await loadModel(local)
  try {
    const files = new Map<string, Uint8Array>([[edgeFiles.code, await readFile(local.codeFile)]])
    if (local.crossesFile !== undefined) files.set(edgeFiles.crosses, await readFile(local.crossesFile))
    if (local.answerFile !== undefined) files.set(edgeFiles.answer, await readFile(local.answerFile))
    for (const name of Object.keys({ ...facts.featureCode.host, ...facts.decision?.host }))
      files.set(hostFile(name), await hostText(name))
    const engineFiles = model.engine.name === 'compiled' ? await compiledFiles(local) : await onnxFiles(local, root)
    for (const [name, bytes] of Object.entries(engineFiles)) files.set(name, bytes)
    files.set(edgeFiles.probe, json(await makeProbe(local, model, probe)))
    return { manifest: manifestOf(model, version, files), files }
  } finally {
    await model.release()
  }
}

const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value))

function manifestOf(
  { facts, engine }: LoadedModel,
  { model, version, digest }: ModelVersion,
  files: EdgePackage['files'],
): EdgeManifest {
  return {
    slipway: 'edge/1',
    model,
    version,
    package: digest,
    engine: engine.name,
    facts: edgeFactsOf(facts),
    files: Object.fromEntries(
      [...files].map(([name, bytes]) => [name, { digest: digestOf(bytes), size: bytes.length }]),
    ),
  }
}

function edgeFactsOf(facts: ModelFacts): EdgeFacts {
  const { name, task, target, inputs, features, answers, outputs, crosses, featureCode, decision, signature } = facts
  return { name, task, target, inputs, features, answers, outputs, crosses, featureCode, decision, signature }
}

async function compiledFiles({ compiledModel }: LocalModel): Promise<Record<string, Uint8Array>> {
  const { reportFile, codeFile, tablesFile } = compiledModel ?? {}
  if (reportFile === undefined || codeFile === undefined || tablesFile === undefined)
    throw new SlipwayError('INTERNAL', 'a compiled model scores that is not in the package')
  const report = CompiledModelReport.parse(JSON.parse(await readFile(reportFile, 'utf8')))
  if (report.status !== 'proven') throw new SlipwayError('INTERNAL', 'a compiled model scores that is not proven')
  return {
    [edgeFiles.wasm]: await readFile(codeFile),
    [edgeFiles.tables]: await readFile(tablesFile),
    [edgeFiles.plan]: json({ plan: report.plan, golden: report.golden }),
  }
}

async function onnxFiles({ onnxFile }: LocalModel, root: string): Promise<Record<string, Uint8Array>> {
  const { module, wasm } = await onnxRuntimeFiles(root)
  return {
    [edgeFiles.onnx]: await readFile(onnxFile),
    [edgeFiles.runtime]: module,
    [edgeFiles.runtimeWasm]: wasm,
  }
}
