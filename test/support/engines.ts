import { expect } from 'vitest'
import type { Column } from '../../lib/formats/columns.ts'
import type { ModelVersion } from '../../lib/formats/route.ts'
import { loadModel } from '../../lib/models/model.ts'
import { localModel } from '../../lib/models/package.ts'
import type { Store } from '../../lib/store/store.ts'
import { packageModel } from './models.ts'
import type { TestProject } from './project.ts'

/** A model packaged twice: with its compiled model, and without. */
export interface BothEngines {
  readonly compiled: ModelVersion
  readonly plain: ModelVersion
}

export async function packageBoth(project: TestProject, store: Store, pipeline: string): Promise<BothEngines> {
  return {
    compiled: await packageModel(project, store, pipeline, 1),
    plain: await packageModel(project, store, pipeline, 1, {}, { compiled: false }),
  }
}

/** Scores rows by a package with a compiled model and by one without, which have to say the same, bit by bit. */
export async function scoreByBoth(
  store: Store,
  { compiled, plain }: BothEngines,
  rows: Readonly<Record<string, Column>>,
): Promise<Float32Array> {
  const scores: Float32Array[] = []
  for (const { digest } of [compiled, plain]) {
    const model = await loadModel(await localModel({ store, trusted: new Map() }, digest))
    expect(model.engine.name).toBe(digest === compiled.digest ? 'compiled' : 'onnxruntime')
    scores.push((await model.score(rows)) as Float32Array)
    await model.release()
  }
  const [first, second] = scores as [Float32Array, Float32Array]
  expect(Buffer.from(first.buffer).equals(Buffer.from(second.buffer))).toBe(true)
  return first
}
