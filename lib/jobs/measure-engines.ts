import { readFile } from 'node:fs/promises'
import type { CompiledInput } from '../compiler/compiled-model.ts'
import { layoutOf } from '../compiler/layout.ts'
import { readForest } from '../compiler/read-forest.ts'
import { fuzzRows } from '../models/fuzz-rows.ts'
import type { LoadedModel, LocalModel } from '../models/model.ts'
import { withModels } from '../models/with-models.ts'

/** How fast something scores here, on one thread. */
export interface EngineSpeed {
  readonly rowsPerSecond: number
  /** A single row, microseconds. */
  readonly singleRowUs: number
}

const batchRows = 4_096
/** How long each is measured, ms; the best of some rounds counts. */
const roundMs = 60
const rounds = 5

/**
 * Measures a package's engines on made-up rows, by turns.
 * @returns of a package without a compiled model that runs here, ONNX Runtime's speed only; undefined where its graph
 *   has no trees to make rows for
 */
export async function measureEngines(
  local: LocalModel,
): Promise<{ readonly compiledModel: EngineSpeed | undefined; readonly onnxruntime: EngineSpeed } | undefined> {
  const rows = await rowsFor(local)
  if (rows === undefined) return undefined
  return withModels([{ ...local, compiledModel: undefined }, local], (plain, own) => raceOf(plain, own, rows))
}

async function raceOf(plain: LoadedModel, own: LoadedModel, rows: Record<string, CompiledInput>) {
  const compiledModel = own.engine.name === 'compiled' ? own : undefined
  const one = Object.fromEntries(Object.entries(rows).map(([name, values]) => [name, values.slice(0, 1)]))
  const best = { compiled: slowest(), onnxruntime: slowest() }
  for (let round = 0; round < rounds; round++) {
    for (const [name, model] of [
      ['compiled', compiledModel],
      ['onnxruntime', plain],
    ] as const) {
      if (model === undefined) continue
      best[name].rowsPerSecond = Math.max(best[name].rowsPerSecond, batchRows / (await secondsOf(model, rows)))
      best[name].singleRowUs = Math.min(best[name].singleRowUs, (await secondsOf(model, one)) * 1e6)
    }
  }
  return { compiledModel: compiledModel === undefined ? undefined : best.compiled, onnxruntime: best.onnxruntime }
}

const slowest = () => ({ rowsPerSecond: 0, singleRowUs: Number.POSITIVE_INFINITY })

async function rowsFor({ onnxFile }: LocalModel): Promise<Record<string, CompiledInput> | undefined> {
  try {
    const { forest, bins } = layoutOf(readForest(await readFile(onnxFile)))
    for (const batch of fuzzRows(forest, bins, batchRows, batchRows, 1)) return batch
  } catch {}
  return undefined
}

/** Seconds a call takes on average. */
async function secondsOf(model: LoadedModel, rows: Record<string, CompiledInput>): Promise<number> {
  const start = performance.now()
  let calls = 0
  while (performance.now() - start < roundMs) {
    await model.scoreFeatures(rows)
    calls++
  }
  return (performance.now() - start) / 1000 / calls
}
