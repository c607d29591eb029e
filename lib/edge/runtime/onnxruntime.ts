import type { InferenceSession, TensorConstructor } from 'onnxruntime-node'
import { onnxScore, type ScoreInputs } from '../../models/score-inputs.ts'
import { type EdgeManifest, edgeFiles } from '../manifest.ts'
import type { ReadFile } from './open.ts'

/** ONNX Runtime as WebAssembly, as far as it is used. */
interface OnnxRuntimeWeb {
  readonly env: { readonly wasm: { numThreads: number; wasmBinary: Uint8Array } }
  readonly Tensor: TensorConstructor
  readonly InferenceSession: { create(model: Uint8Array, options: object): Promise<InferenceSession> }
}

/**
 * One thread, as in gateways. The runtime is the folder's: loaded from bytes that were verified, wherever they came
 * from.
 */
export async function onnxRuntimeScore({ facts }: EdgeManifest, read: ReadFile): Promise<ScoreInputs> {
  const ort = await importModule(await read(edgeFiles.runtime))
  ort.env.wasm.numThreads = 1
  ort.env.wasm.wasmBinary = await read(edgeFiles.runtimeWasm)
  const session = await ort.InferenceSession.create(await read(edgeFiles.onnx), { executionProviders: ['wasm'] })
  return onnxScore(facts, ort, session)
}

async function importModule(bytes: Uint8Array): Promise<OnnxRuntimeWeb> {
  const type = 'text/javascript'
  if (!('document' in globalThis)) return import(`data:${type},${encodeURIComponent(new TextDecoder().decode(bytes))}`)
  const url = URL.createObjectURL(new Blob([bytes], { type }))
  return import(url).finally(() => URL.revokeObjectURL(url))
}
