import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { hostVersions } from '../code/host.ts'
import { SlipwayError } from '../formats/errors.ts'

/** ONNX Runtime as WebAssembly: its module, for processors alone, and its code. */
interface RuntimeFiles {
  readonly module: Uint8Array
  readonly wasm: Uint8Array
}

/**
 * ONNX Runtime for browsers as the project has installed it. It is no dependency of Slipway's: it is as large as all
 * others together, and few need it.
 * @param root of the project
 * @throws SlipwayError ENVIRONMENT_FAILED
 */
export async function onnxRuntimeFiles(root: string): Promise<RuntimeFiles> {
  const requireHere = createRequire(import.meta.url)
  const version = hostVersions()['onnxruntime-node']
  const next = `npm install onnxruntime-web@${version}, and package it again`
  const folder = requireHere.resolve
    .paths('onnxruntime-web')
    ?.concat(createRequire(join(root, 'package.json')).resolve.paths('onnxruntime-web') ?? [])
    .map((path) => join(path, 'onnxruntime-web'))
  for (const place of folder ?? []) {
    const text = await readFile(join(place, 'package.json'), 'utf8').catch(() => undefined)
    if (text === undefined) continue
    const found = JSON.parse(text) as { version: string }
    if (found.version !== version)
      throw new SlipwayError(
        'ENVIRONMENT_FAILED',
        `onnxruntime-web is ${found.version} in ${dirname(place)}, and models are tested with ${version}`,
        { next },
      )
    return {
      module: await readFile(join(place, 'dist', 'ort.wasm.bundle.min.mjs')),
      wasm: await readFile(join(place, 'dist', 'ort-wasm-simd-threaded.wasm')),
    }
  }
  throw new SlipwayError(
    'ENVIRONMENT_FAILED',
    'the model is not compiled, so it needs ONNX Runtime for browsers, which is not installed',
    { next },
  )
}
