import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { captureFile } from '../../gateway/capture.ts'
import { readFeedback } from '../../gateway/feedback.ts'
import { createRecorder, type Outcome } from '../../gateway/recorder.ts'
import { sampleRows } from '../../gateway/row-sample.ts'
import { withDuckDb } from '../../lib/data/duckdb.ts'
import { countLabelErrors, gatherServed, joinLabels } from '../../lib/data/served.ts'
import { readLabelled, readScores } from '../../lib/data/served-scores.ts'
import type { Route } from '../../lib/formats/route.ts'
import type { Label } from '../../lib/formats/telemetry.ts'
import { profileOfAnswers } from '../../lib/stats/answer-profile.ts'
import { means } from '../../lib/stats/live-quality.ts'

/*
 * What a gateway counts and keeps of answers of several classes, and what becomes of it with labels.
 */
const folder = mkdtempSync(join(tmpdir(), 'slipway-served-classes-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let count = 0
const path = (ending: string): string => join(folder, `${++count}.${ending}`)

const outputs = ['a', 'b', 'c']
const named = { outputs }
const answers = Float32Array.of(0.5, 0.25, 0.25, 0.125, 0.75, 0.125)
const baseline = profileOfAnswers(answers, named)
const version = (number: number) => ({
  model: 'm',
  version: number,
  digest: `sha256:${`${number}`.repeat(64)}` as const,
})
const route: Route = {
  slipway: 'route/1',
  endpoint: 'e',
  revision: 2,
  champion: version(1),
  previous: null,
  rollout: { id: 'r', candidate: version(2), mode: 'shadow', share: 1, salt: 's', sticky: null, slowMs: 250 },
} as never
const outcome = (...predictions: number[]): Outcome => ({
  rows: 1,
  ms: 1,
  predictions: Float32Array.from(predictions),
  failure: undefined,
})

describe('answers of several classes', () => {
  it('are counted by the class that is answered, and classes the champion does not know together', () => {
    const candidate = { outputs: ['b', 'new', 'a'] }
    const recorder = createRecorder(route, { champion: { outputs, baseline }, candidate }, new Map(), 0)
    for (const each of [outcome(0.5, 0.25, 0.25), outcome(0, 0, 1), outcome(0.1, 0.2, 0.7)])
      recorder.count('champion', each, undefined)
    for (const each of [outcome(0.5, 0.25, 0.25), outcome(0.1, 0.8, 0.1), outcome(0, 0.1, 0.9)])
      recorder.count('candidate', each, undefined)
    const window = recorder.close(1, true)
    expect(window?.champion.scores).toEqual([1, 0, 2, 0])
    expect(window?.candidate?.scores).toEqual([1, 1, 0, 1])
  })

  it('of two versions differ by their largest difference, class by class whatever the order', () => {
    const other = { outputs: ['c', 'b', 'a'] }
    const recorder = createRecorder(route, { champion: { outputs, baseline }, candidate: other }, new Map(), 0)
    recorder.countPair(outcome(0.5, 0.25, 0.25), outcome(0.25, 0.25, 0.5))
    recorder.countPair(outcome(0.5, 0.25, 0.25), outcome(0.25, 0.5, 0.25))
    expect(recorder.close(1, true)?.pairs).toMatchObject({ n: 2, different: 1, largest: 0.25 })
  })

  it('are labelled by the names of classes, of which a model need not know all', () => {
    const read = (task: 'binary' | 'multiclass', label: unknown) =>
      readFeedback(Buffer.from(JSON.stringify({ requestId: 'r', label })), () => ({ endpoint: 'e', task }), 0).get('e')
    expect(read('multiclass', 'b')?.[0]?.label).toBe('b')
    expect(read('multiclass', 7)?.[0]?.label).toBe('7')
    expect(read('multiclass', 'unheard of')?.[0]?.label).toBe('unheard of')
    expect(() => read('multiclass', 0.5)).toThrow(/label is 0.5, expected the name of a class/)
    expect(() => read('binary', 'b')).toThrow(/label is "b", expected 0, 1, true or false/)
  })
})

describe('rows that were kept', () => {
  /** A capture file of requests, each of one row, by a version. */
  function captured(requests: Readonly<Record<string, readonly number[]>>, names: readonly string[], number: number) {
    const rows: Parameters<typeof captureFile>[0][number][] = []
    const recorder = { capture: (row: (typeof rows)[number]) => rows.push(row) } as never
    for (const [id, predictions] of Object.entries(requests))
      sampleRows(recorder, 1, {
        role: 'champion',
        first: true,
        request: { id } as never,
        version: {
          kind: 'rows',
          facts: { inputs: [], outputs: names },
          scorer: { modelVersion: { version: number } },
        } as never,
        input: { kind: 'rows', columns: {}, rows: 1 },
        outcome: outcome(...predictions),
      })
    const file = path('parquet')
    writeFileSync(file, captureFile(rows, []))
    return file
  }
  const told = (labels: Readonly<Record<string, string>>): string => {
    const file = path('ndjson')
    const lines = Object.entries(labels).map(
      ([request, label]): Label => ({ request, row: 0, key: null, label, at: Date.now() }),
    )
    writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
    return file
  }

  it('are joined with their labels, and measured by all classes: those too that the version does not know', async () => {
    const captures = [
      captured({ r1: [0.5, 0.25, 0.25], r2: [0.125, 0.75, 0.125], r3: [0.25, 0.5, 0.25] }, outputs, 1),
      captured({ r4: [0.5, 0.5] }, ['a', 'other'], 2),
    ]
    const [served, labelled, waiting] = [path('parquet'), path('parquet'), path('parquet')]
    const scored = await withDuckDb(1, async (connection) => {
      await gatherServed(connection, captures, served)
      const labels = [told({ r1: 'a', r2: 'c', r3: 'unheard of', r4: 'a' })]
      const order = { waiting: undefined, labelled: [], key: null, now: Date.now() + 1_000, waitSince: 0 }
      const counts = await joinLabels(
        connection,
        { ...order, labels, served: [served], kind: 'class' },
        labelled,
        waiting,
      )
      expect(counts).toMatchObject({ received: 4, matched: 4 })
      expect([...(await readScores(connection, [served], 1))]).toEqual([0.5, 0.75, 0.5])
      return readLabelled(connection, [labelled], 1, named)
    })
    expect([...scored.labels]).toEqual([0, 2, 3])
    expect([...scored.predictions]).toEqual([0.5, 0.25, 0.25, 0, 0.125, 0.75, 0.125, 0, 0.25, 0.5, 0.25, 0])
    // How sure it was of its answers, and how often it was right.
    expect(means(scored)).toEqual({ prediction: (0.5 + 0.75 + 0.5) / 3, label: 1 / 3 })
  })

  it.each([
    ['of one version', ['A', 'a', 'Ä'], ['b', 'c']],
    ['of two versions', ['A', 'b', 'ä'], ['a', 'Ä', 'a_2']],
  ])('have a probability of each class, also where names differ by their case alone: %s', async (_, one, two) => {
    const numbers = (names: readonly string[]) => names.map((_, i) => 1 / 2 ** (i + 1))
    const both = captured({ r1: numbers(one) }, one, 1)
    const apart = captured({ r2: numbers(two) }, two, 2)
    const [labelled, waiting] = [path('parquet'), path('parquet')]
    await withDuckDb(1, async (connection) => {
      const order = { waiting: undefined, labelled: [], key: null, now: Date.now() + 1_000, waitSince: 0 }
      const labels = [told({ r1: one[0] as string, r2: two[1] as string })]
      const served = [both, apart]
      await joinLabels(connection, { ...order, labels, served, kind: 'class' }, labelled, waiting)
      const first = await readLabelled(connection, [labelled], 1, { outputs: one })
      expect([[...first.predictions], [...first.labels]]).toEqual([numbers(one), [0]])
      const second = await readLabelled(connection, [labelled], 2, { outputs: two })
      expect([[...second.predictions], [...second.labels]]).toEqual([numbers(two), [1]])
    })
  })

  it('are of nobody where all are of a version with other classes', async () => {
    const file = captured({ r1: [0.5, 0.5] }, ['x', 'y'], 1)
    const [labelled, waiting] = [path('parquet'), path('parquet')]
    const scored = await withDuckDb(1, async (connection) => {
      const order = { waiting: undefined, labelled: [], key: null, now: Date.now() + 1_000, waitSince: 0 }
      await joinLabels(
        connection,
        { ...order, labels: [told({ r1: 'x' })], served: [file], kind: 'class' },
        labelled,
        waiting,
      )
      return readLabelled(connection, [labelled], 2, named)
    })
    expect(scored.labels).toHaveLength(0)
  })

  it('are wrong in a rollout where they answer another class than the label', async () => {
    const captures = [
      captured({ r1: [0.5, 0.25, 0.25], r2: [0.125, 0.75, 0.125] }, outputs, 1),
      captured({ r3: [0.5, 0.25, 0.25], r4: [0.125, 0.75, 0.125] }, outputs, 2),
    ]
    const { arms } = await withDuckDb(1, (connection) =>
      countLabelErrors(
        connection,
        {
          captures,
          labels: [told({ r1: 'a', r2: 'b', r3: 'c', r4: 'b' })],
          candidate: 2,
          offBy: 0.5,
          afterMs: 60_000,
          key: null,
        },
        'split',
      ),
    )
    expect(arms).toEqual({ nA: 2, kA: 0, nB: 2, kB: 1 })
  })
})
