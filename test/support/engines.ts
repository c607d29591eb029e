import { expect } from 'vitest'
import { loadModel } from '../../models/model.ts'
import { localModel } from '../../models/package.ts'
import type { Column } from '../../pipelines/columns.ts'
import type { Variant } from '../../pipelines/route.ts'
import type { Store } from '../../store/store.ts'

/** Scores rows by a package with a kernel and by one without, which have to say the same, bit by bit. */
export async function scoreByBoth(
  store: Store,
  { compiled, plain }: { readonly compiled: Variant; readonly plain: Variant },
  rows: Readonly<Record<string, Column>>,
): Promise<Float32Array> {
  const scores: Float32Array[] = []
  for (const { digest } of [compiled, plain]) {
    const model = await loadModel(await localModel({ store, trusted: new Map() }, digest))
    expect(model.engine.name).toBe(digest === compiled.digest ? 'kernel' : 'onnxruntime')
    scores.push(await model.score(rows))
    await model.release()
  }
  const [first, second] = scores as [Float32Array, Float32Array]
  expect(Buffer.from(first.buffer).equals(Buffer.from(second.buffer))).toBe(true)
  return first
}
