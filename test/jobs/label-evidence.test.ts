import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { captureFile } from '../../gateway/capture.ts'
import { labelErrors } from '../../lib/definition/deploy.ts'
import { mediaTypes } from '../../lib/formats/artifact.ts'
import type { EvidenceEntry } from '../../lib/formats/evidence.ts'
import type { LabelErrorsRule } from '../../lib/formats/rollout-policy.ts'
import type { Label } from '../../lib/formats/telemetry.ts'
import { createJudge, type JudgingOrder } from '../../lib/jobs/label-evidence.ts'
import { putBytes } from '../../lib/store/objects.ts'
import { publishEvidence } from '../../lib/store/rollouts.ts'
import { openTestBucket, type TestBucket } from '../support/servers.ts'

/** Minutes in ms since 1970, from some moment on. */
const minute = (count: number): number => Date.UTC(2001, 3, 1) + count * 60_000
const rule = labelErrors({ after: '60m' }).notWorseBy(0.1) as LabelErrorsRule

let server: TestBucket
beforeAll(async () => {
  server = await openTestBucket()
})
afterAll(() => server.stop())

type Mode = EvidenceEntry['answers'][number]['mode']
/** An answer by a version that said a score, at a minute. */
const answer = (requestId: string, version: number, score: number, at: number) => ({
  ...{ requestId, version, score, at: minute(at), row: 0, first: true, input: {} },
  role: version === 1 ? ('champion' as const) : ('candidate' as const),
})

/** Puts a look on record, with what came in at it. */
async function look(
  rollout: string,
  seq: number,
  at: number,
  rows: ReturnType<typeof answer>[],
  labels: (Pick<Label, 'request' | 'label'> & { at: number })[] = [],
  [mode, share]: [Mode, number] = ['split', 0.5],
): Promise<void> {
  const capture =
    rows.length === 0 ? undefined : await putBytes(server.store, captureFile(rows, []), mediaTypes.parquet)
  const lines = labels.map((each) => `${JSON.stringify({ row: 0, key: null, ...each, at: minute(each.at) })}\n`)
  const told = labels.length === 0 ? [] : [(await putBytes(server.store, lines.join(''), mediaTypes.json)).digest]
  await publishEvidence(server.store, rollout, {
    ...{ seq, at: minute(at), blocks: [], cursors: {}, before: null, mistakes: [], judged: 0, labels: told },
    answers:
      capture === undefined ? [] : [{ from: minute(at - 1), to: minute(at), mode, share, capture: capture.digest }],
  })
}
const judge = (rollout: string, seq: number, judged: number, now: number, over: Partial<JudgingOrder> = {}) =>
  createJudge(server.store)({ rollout, seq, judged, rule, candidate: 2, labels: [], now: minute(now), ...over })

describe('answers of a rollout and their labels', () => {
  it('are judged once they are old enough, not before, and each once', async () => {
    await look('old', 0, 1, [answer('a', 1, 0.9, 0), answer('b', 2, 0.9, 0)])
    await look(
      'old',
      1,
      30,
      [answer('c', 2, 0.9, 29)],
      [
        { request: 'a', label: 1, at: 20 },
        { request: 'b', label: 0, at: 25 },
      ],
    )
    await look('old', 2, 50, [], [{ request: 'c', label: 1, at: 40 }])
    expect(await judge('old', 3, 0, 60)).toEqual({ mistakes: [], judged: 0 })
    const first = await judge('old', 3, 0, 62)
    expect(first).toEqual({
      judged: 1,
      mistakes: [
        {
          ...{ from: minute(0), to: minute(1), mode: 'split', share: 0.5, pairs: null },
          arms: { nA: 1, kA: 0, nB: 1, kB: 1 },
        },
      ],
    })
    const second = await judge('old', 3, first.judged, 92)
    expect(second.judged).toBe(3 - 1)
    expect((second.mistakes as { arms: object }[])[0]?.arms).toEqual({ nA: 0, kA: 0, nB: 1, kB: 0 })
  })

  it('do without what became known too late, and are passed over without any', async () => {
    await look('late', 0, 1, [answer('a', 1, 0.9, 0), answer('b', 2, 0.9, 0)])
    await look('late', 1, 70, [], [{ request: 'a', label: 0, at: 61 }])
    expect(await judge('late', 2, 0, 75)).toEqual({ mistakes: [], judged: 1 })
  })

  it('find labels that another gateway sent a little sooner, and those of the very look', async () => {
    await look('sooner', 0, 1, [], [{ request: 'a', label: 0, at: 0.5 }])
    await look('sooner', 1, 1.2, [answer('a', 2, 0.9, 0), answer('b', 2, 0.9, 0)])
    const now = await putBytes(
      server.store,
      JSON.stringify({ request: 'b', row: 0, key: null, label: 1, at: minute(2) }),
      mediaTypes.json,
    )
    const { mistakes: found } = await judge('sooner', 2, 1, 62, { labels: [now.digest] })
    expect((found as { arms: object }[])[0]?.arms).toEqual({ nA: 0, kA: 0, nB: 2, kB: 1 })
  })

  it('of different weights are counted apart, and in the shadow by pairs', async () => {
    const both = [answer('a', 1, 0.9, 0), answer('a', 2, 0.1, 0)]
    const labels = [
      { request: 'a', label: 1, at: 1 },
      { request: 'b', label: 1, at: 1 },
    ]
    await look('weights', 0, 1, both, labels, ['shadow', 1])
    await look('weights', 1, 2, [answer('b', 2, 0.1, 1)], [], ['split', 0.05])
    const { mistakes: found, judged } = await judge('weights', 2, 0, 70)
    expect(judged).toBe(2)
    expect(found).toMatchObject([
      { mode: 'shadow', pairs: { n: 1, only: { champion: 0, candidate: 1 } } },
      { mode: 'split', share: 0.05, arms: { nB: 1, kB: 1 } },
    ])
  })
})
