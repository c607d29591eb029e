import { sliceColumns } from '../code/run-features.ts'
import { readColumns } from '../data/columns.ts'
import { withDuckDb } from '../data/duckdb.ts'
import type { LocalTable } from '../data/table.ts'
import { type Column, rowCount } from '../formats/columns.ts'
import type { LoadedModel } from '../models/model.ts'
import { blockPredictions, judgeLatency, type LatencyBlock, percentile99 } from '../stats/latency.ts'

type Columns = Readonly<Record<string, Column>>

/** Predictions before the first block, which the engine needs to be at its usual speed. */
const warmUp = 100

/**
 * Measures single-row predictions over the first rows of a table, block by block, until it is known what each limit
 * makes of them. Beside every prediction a no-op is measured by the same clock: it is busy with nothing for as long as
 * a prediction usually takes, so that it is interrupted as often; what it takes longer than that, the machine took.
 * @param limits ms
 */
export async function measureLatency(
  model: Pick<LoadedModel, 'score' | 'decide'>,
  rows: Columns,
  limits: readonly number[],
  onBlock: (blocks: number) => void,
): Promise<LatencyBlock[]> {
  const count = rowCount(rows)
  let at = 0
  const predict = async (): Promise<number> => {
    const from = at++ % count
    const row = sliceColumns(rows, from, from + 1)
    const start = performance.now()
    const predictions = await model.score(row)
    model.decide?.(predictions, row)
    return performance.now() - start
  }
  const first: number[] = []
  for (let i = 0; i < warmUp; i++) first.push(await predict())
  const usual = first.sort((a, b) => a - b)[warmUp / 2] as number
  const block = async (): Promise<LatencyBlock> => {
    const [predictions, noops]: [number[], number[]] = [[], []]
    for (let i = 0; i < blockPredictions; i++) {
      predictions.push(await predict())
      noops.push(await overrunOf(usual))
    }
    return { p99: percentile99(predictions), noopP99: percentile99(noops) }
  }
  const blocks: LatencyBlock[] = []
  while (limits.some((limit) => judgeLatency(blocks, limit) === undefined)) {
    onBlock(blocks.length)
    blocks.push(await block())
  }
  return blocks
}

/** What a no-op of so many ms takes longer than that, ms. */
async function overrunOf(noopMs: number): Promise<number> {
  const start = performance.now()
  // Awaited as predictions are.
  await undefined
  let passed = 0
  do passed = performance.now() - start
  while (passed < noopMs)
  return passed - noopMs
}

/** The first rows of a table, as a model takes them. */
export async function firstRows({ facts }: Pick<LoadedModel, 'facts'>, table: LocalTable): Promise<Columns> {
  return withDuckDb(1, async (connection) => {
    for await (const chunk of readColumns(connection, table, facts.inputs)) return sliceColumns(chunk, 0, 400)
    return {}
  })
}
