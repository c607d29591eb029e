import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { captureFile } from '../../gateway/capture.ts'
import { readFeedback } from '../../gateway/feedback.ts'
import { sampleRows } from '../../gateway/row-sample.ts'
import { withDuckDb } from '../../lib/data/duckdb.ts'
import { countLabelErrors, gatherServed, joinLabels, labelKindOf, latestLabels } from '../../lib/data/served.ts'
import { readLabelled } from '../../lib/data/served-scores.ts'
import type { Named } from '../../lib/formats/answers.ts'
import type { Label } from '../../lib/formats/telemetry.ts'

const folder = mkdtempSync(join(tmpdir(), 'slipway-numbers-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let files = 0
const path = (ending: string): string => join(folder, `${files++}.${ending}`)

const targets = { task: 'regression', outputs: ['price', 'rent'] } as const
const levels = { task: 'quantiles', outputs: ['0.1', '0.5', '0.9'] } as const

/** A capture file of requests of one row each, by a version. */
function captured(requests: Readonly<Record<string, readonly number[]>>, named: Named, number = 1): string {
  const rows: Parameters<typeof captureFile>[0][number][] = []
  const recorder = { capture: (row: (typeof rows)[number]) => rows.push(row) } as never
  for (const [id, predictions] of Object.entries(requests))
    sampleRows(recorder, 1, {
      role: 'champion',
      first: true,
      request: { id } as never,
      version: {
        kind: 'rows',
        facts: { inputs: [], ...named },
        scorer: { modelVersion: { version: number } },
      } as never,
      input: { kind: 'rows', columns: {}, rows: 1 },
      outcome: { rows: 1, ms: 1, predictions: Float32Array.from(predictions), failure: undefined },
    })
  const file = path('parquet')
  writeFileSync(file, captureFile(rows, []))
  return file
}

/** What clients say of requests, as the gateway keeps it. */
function told(labels: Readonly<Record<string, unknown>>, named: Named): string {
  const body = Object.entries(labels).map(([requestId, label]) => ({ requestId, label }))
  const kept = readFeedback(Buffer.from(JSON.stringify(body)), () => ({ endpoint: 'e', ...named }) as never, Date.now())
  const file = path('ndjson')
  writeFileSync(file, (kept.get('e') ?? []).map((label: Label) => `${JSON.stringify(label)}\n`).join(''))
  return file
}

const order = { waiting: undefined, labelled: [], key: null, now: Date.now() + 60_000, waitSince: 0 }

describe('rows that were answered with several numbers', () => {
  it('are joined with a label each target, and measured by all', async () => {
    const served = path('parquet')
    const [labelled, waiting, latest] = [path('parquet'), path('parquet'), path('parquet')]
    const scored = await withDuckDb(1, async (connection) => {
      await gatherServed(connection, [captured({ r1: [100, 1], r2: [200, 2], r3: [300, 3] }, targets)], served)
      const labels = [told({ r1: { rent: 1.5, price: 110 }, r2: [190, 2], unknown: [1, 1] }, targets)]
      const kind = labelKindOf(targets)
      const counts = await joinLabels(connection, { ...order, labels, served: [served], kind }, labelled, waiting)
      expect(counts).toMatchObject({ received: 3, matched: 2, waiting: 1 })
      // What waited is labels still, the next time.
      const again = { ...order, labels: [], waiting, served: [served], labelled: [labelled], kind }
      expect(await joinLabels(connection, again, path('parquet'), path('parquet'))).toMatchObject({ waiting: 1 })
      const columns = targets.outputs.map((column, place) => ({ column: `slipway_label:${column}`, place }))
      await latestLabels(connection, [labelled], latest, undefined, columns)
      const rows = await connection.runAndReadAll(
        `SELECT "slipway_label:rent" FROM '${latest}' ORDER BY slipway_request`,
      )
      expect(rows.getRows()).toEqual([[1.5], [2]])
      return readLabelled(connection, [labelled], 1, targets)
    })
    expect(scored.outputs).toEqual(['price', 'rent'])
    expect([...scored.predictions]).toEqual([100, 1, 200, 2])
    expect([...scored.labels]).toEqual([110, 1.5, 190, 2])
  })

  it('are wrong in a rollout where one of the targets is too far off', async () => {
    const labels = [told({ r1: [100, 1], r2: [200, 2], r3: [300, 3] }, targets)]
    const counted = await withDuckDb(1, (connection) => {
      const captures = [captured({ r1: [100, 1], r2: [200, 9] }, targets), captured({ r3: [340, 3] }, targets, 2)]
      return countLabelErrors(
        connection,
        { captures, labels, candidate: 2, offBy: 5, afterMs: 3_600_000, key: null },
        'split',
      )
    })
    expect(counted.arms).toEqual({ nA: 2, kA: 1, nB: 1, kB: 1 })
  })

  it('of quantiles have one label a row, and are wrong by the middle one', async () => {
    const [served, labelled] = [captured({ r1: [1, 5, 9], r2: [2, 6, 10] }, levels), path('parquet')]
    const labels = [told({ r1: 4, r2: 11 }, levels)]
    await withDuckDb(1, async (connection) => {
      await joinLabels(connection, { ...order, labels, served: [served] }, labelled, path('parquet'))
      const { predictions, labels: known, outputs } = await readLabelled(connection, [labelled], 1, levels)
      expect([[...predictions], [...known], outputs]).toEqual([[1, 5, 9, 2, 6, 10], [4, 11], levels.outputs])
      const wrong = await countLabelErrors(
        connection,
        { captures: [served], labels, candidate: 2, offBy: 2, afterMs: 3_600_000, key: null },
        'split',
      )
      expect(wrong.arms).toMatchObject({ nA: 2, kA: 1 })
    })
  })

  it.each([
    [targets, 5],
    [targets, [1]],
    [targets, { price: 1 }],
    [targets, { price: 1, rent: 2, garden: 3 }],
    [levels, [1, 2, 3]],
    [levels, { '0.1': 1 }],
  ])('refuse labels that are none of theirs', (named, label) => {
    expect(() => told({ r1: label }, named)).toThrow(/expected a number/)
  })
})
