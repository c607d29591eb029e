import { describe, expect, it } from 'vitest'
import type { Output } from '../../lib/formats/artifact.ts'
import { subjectOf } from '../../lib/formats/check.ts'
import { jsonDifferences } from '../../lib/formats/json-differences.ts'
import {
  contentsApart,
  differentOutputs,
  withoutClock,
  withoutOlderReports,
} from '../../lib/jobs/verify/compare-outputs.ts'
import { putJson } from '../../lib/store/objects.ts'
import { memoryStore } from '../../testing/memory-store.ts'
import { newProject } from '../support/project.ts'

const output = (name: string, digit: string): Output => ({
  name,
  digest: `sha256:${digit.repeat(64)}`,
  mediaType: 'application/json',
  size: 1,
})

describe('the outputs of a step', () => {
  it('differ by their digests, and where one side lacks one; the order does not matter', () => {
    const recorded = [output('model', '1'), output('training', '2'), output('parity', '3')]
    expect(differentOutputs(recorded, recorded.toReversed())).toEqual([])
    expect(differentOutputs(recorded, [output('training', '9'), output('model', '1'), output('more', '4')])).toEqual([
      { output: 'training', recorded: output('', '2').digest, again: output('', '9').digest },
      { output: 'parity', recorded: output('', '3').digest, again: null },
      { output: 'more', recorded: null, again: output('', '4').digest },
    ])
  })

  it('do not differ by the log of a program, whose lines have times', () => {
    expect(differentOutputs([output('log', '1')], [output('log', '2')])).toEqual([])
  })

  it('do not differ by reports of bad rows that 0.15 wrote with a value for each rule, where the rows kept do not', async () => {
    const project = newProject()
    const store = memoryStore(project.root)
    const older = await putJson(store, { findings: [{ column: 'age', rule: '≤ 100', example: '999' }] })
    const newer = await putJson(store, { findings: [{ column: 'age', rule: '≤ 100' }] })
    const apart = (recorded: string) => [
      { output: 'table', recorded: 'a', again: 'b' },
      { output: 'report', recorded, again: 'c' },
      { output: 'quarantine', recorded: 'd', again: 'e' },
    ]
    const left = await withoutOlderReports(apart(older.digest), store)
    expect(left.map(({ output: name }) => name)).toEqual(['table'])
    for (const recorded of [newer.digest, `sha256:${'0'.repeat(64)}`])
      expect(await withoutOlderReports(apart(recorded), store)).toEqual(apart(recorded))
    project.remove()
  })
})

describe('what differs in a file', () => {
  const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))

  it('is told of JSON by its places, the first few of them', () => {
    expect(contentsApart(json({ a: { b: 1, c: [1, 2] }, d: 'x' }), json({ a: { b: 2, c: [1, 3] }, d: 'x' }))).toBe(
      'a.b 1→2, a.c[1] 2→3',
    )
    const many = (by: number) => Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`k${i}`, i + by]))
    expect(contentsApart(json(many(0)), json(many(1)))).toBe('k0 0→1, k1 1→2, k2 2→3, k3 3→4, and 5 more')
  })

  it('is told of other files by their bytes', () => {
    expect(contentsApart(Buffer.from('PAR1abc'), Buffer.from('PAR1abd'))).toBe('bytes (7) from the 7th on')
    expect(contentsApart(Buffer.from('PAR1'), Buffer.from('PAR1x'))).toBe('bytes (5, were 4) from the 5th on')
    expect(contentsApart(Buffer.from('{no'), Buffer.from('{not'))).toMatch(/^bytes/)
  })
})

describe('jsonDifferences', () => {
  it('finds none where keys stand in another order, and undefined is nothing', () => {
    expect(jsonDifferences({ a: 1, b: 2, c: undefined }, { b: 2, a: 1 })).toEqual([])
  })

  it('names lists of another length as a whole, and leaves long values out', () => {
    expect(jsonDifferences({ must: [1] }, { must: [1, 2] })).toEqual(['must [1]→[1,2]'])
    expect(jsonDifferences({ sql: 'SELECT 1' }, { sql: `SELECT ${'1'.repeat(50)}` })).toEqual(['sql'])
  })
})

describe('a gate step', () => {
  const check = (metric: string) => ({ rule: 'atMost', metric, limit: 1 }) as const
  const gate = (...metrics: string[]) =>
    ({
      id: 'gate',
      kind: 'gate',
      package: 'p',
      evaluation: 'e',
      model: 'm',
      seed: 1,
      must: metrics.map(check),
    }) as const

  it('is judged again without latency, which is another number every time', () => {
    expect(withoutClock(gate('logLoss', 'latencyP99Ms'))?.must.map(subjectOf)).toEqual(['logLoss'])
    expect(withoutClock(gate('latencyP99Ms'))).toBeUndefined()
  })
})
