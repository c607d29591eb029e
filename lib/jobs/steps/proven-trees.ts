import { writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { type ArtifactRef, type Bundle, mediaTypes, type Output } from '../../formats/artifact.ts'
import { canonicalJson } from '../../formats/canonical.ts'
import type { HostVersions, StepMaterial } from '../../formats/step-key.ts'
import { type CompiledModelFiles, TreesProof } from '../../models/compiled-model.ts'
import { modelFiles } from '../../models/model.ts'
import { getJson, localFile } from '../../store/objects.ts'
import type { Store } from '../../store/store.ts'
import { proveTrees } from '../prove-trees.ts'
import type { Once } from '../step-work.ts'

/** Raised when the compiler makes other bytes of the same trees, or another thing is proven of them. */
const compilerVersion = 1

const proofFile = 'trees.json'
/** Threads that share the made-up rows: as many as there are cores, up to this. */
const mostParts = 4

/** Compiled trees with their proof, and the files of theirs that go into a package. */
export interface ProvenTrees {
  readonly proof: TreesProof
  readonly compiledModel: CompiledModelFiles | undefined
  readonly files: Bundle['files']
}

/** All that trees become, and what is proven of them, depends on. */
const materialOf = (host: HostVersions, model: string): StepMaterial => ({
  step: 'kernel',
  version: compilerVersion,
  code: {},
  host: {
    'onnxruntime-node': host['onnxruntime-node'] ?? 'unknown',
    wabt: host.wabt ?? 'unknown',
    v8: host.v8 ?? 'unknown',
    platform: `${process.platform}-${process.arch}`,
  },
  inputs: { model },
  params: {},
})

/**
 * The compiled model of a model's trees and what is proven of it whatever the rows. The same trees are compiled and
 * proven once: an edit after which the features are worth the same finds them here.
 * @param once keeps what was proven, by the digest of the model
 */
export async function provenTrees(
  store: Store,
  host: HostVersions,
  onnx: ArtifactRef,
  once: Once,
): Promise<ProvenTrees> {
  const { outputs } = await once(materialOf(host, onnx.digest), async (work) => {
    work.progress('compiling the trees', 0)
    const order = { onnxFile: await localFile(store, onnx.digest), folder: work.folder }
    const proof = await proveTrees(order, Math.min(mostParts, availableParallelism()), {
      compileTrees: (compile) => work.job('compileTrees', compile),
      compareMadeUp: (madeUp) => work.job('compareMadeUp', madeUp),
    })
    await writeFile(join(work.folder, proofFile), canonicalJson(proof))
    const files: Output[] = [await work.output('proof', proofFile, mediaTypes.json)]
    if (proof.status === 'proven')
      files.push(
        await work.output('code', modelFiles.compiledCode, mediaTypes.wasm),
        await work.output('tables', modelFiles.compiledTables, mediaTypes.binary),
      )
    return { outputs: files, facts: { status: proof.status } }
  })
  const made = (name: string): ArtifactRef => {
    const { digest, mediaType, size } = outputs.find((output) => output.name === name) as Output
    return { digest, mediaType, size }
  }
  const proof = await getJson(store, made('proof').digest, TreesProof)
  if (proof.status === 'refused') return { proof, compiledModel: undefined, files: {} }
  const [code, tables] = [made('code'), made('tables')]
  return {
    proof,
    compiledModel: {
      plan: proof.plan,
      codeFile: await localFile(store, code.digest),
      tablesFile: await localFile(store, tables.digest),
    },
    files: { [modelFiles.compiledCode]: code, [modelFiles.compiledTables]: tables },
  }
}
