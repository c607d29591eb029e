import { readFile } from 'node:fs/promises'
import { layoutOf } from '../compiler/layout.ts'
import { readForest } from '../compiler/read-forest.ts'
import { moduleText } from '../compiler/text.ts'
import type { LocalModel } from './model.ts'

/**
 * The code of a model's compiled model as text, to be read: WebAssembly's own, with remarks. Made anew from its ONNX
 * graph by this version.
 */
export async function compiledText({ onnxFile }: LocalModel): Promise<string> {
  return moduleText(layoutOf(readForest(await readFile(onnxFile))))
}
