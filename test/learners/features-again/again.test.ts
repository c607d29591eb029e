import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadFunction } from '../../../lib/code/load.ts'
import { runFeatures } from '../../../lib/code/run-features.ts'
import { requireRepeatable } from '../../../lib/learners/features-again/again.ts'
import { isPicked, mostRepeated, repeatSample } from '../../../lib/learners/features-again/sample.ts'
import { digestOf } from '../../../lib/store/digest.ts'
import { folderMaker } from '../../support/folders.ts'

const folder = folderMaker()()

/** Makes features of a thousand rows in two chunks, and once more elsewhere. */
async function twice(body: string, times: readonly string[] = ['2020-01-01T10:00:00Z']): Promise<void> {
  const text = `${body}\nmodule.exports.default = features`
  const file = join(folder, 'code.js')
  writeFileSync(file, text)
  const digest = digestOf(text)
  const columns = {
    x: Float64Array.from({ length: 1_000 }, (_, i) => i % 7),
    t: Array.from({ length: 1_000 }, (_, i) => times[i % times.length] as string),
  }
  const userFunction = loadFunction(text, digest)
  const sample = repeatSample(1_000)
  for (const [from, to] of [
    [0, 400],
    [400, 1_000],
  ] as const) {
    const chunk = { x: columns.x.slice(from, to), t: columns.t.slice(from, to) }
    sample.take(
      chunk,
      runFeatures(userFunction, 'features', chunk, from + 1, () => true),
    )
  }
  await requireRepeatable({ file, digest, name: 'features' }, sample.picked())
}

describe('features that are made a second time, elsewhere and in another order', () => {
  it('are the same where each row is made of itself', async () => {
    await expect(
      twice(`const features = ({ x, t }) => ({
        a: Float64Array.from(x, Math.log1p), b: Float32Array.from(x, Math.sin), c: t.map((text) => text.toUpperCase()),
        d: Float64Array.from(t, (text) => new Date(text).getTime()),
      })`),
    ).resolves.toBeUndefined()
  })

  it.each([
    ['count calls', 'let calls = 0; const features = ({ x }) => { calls++; return { x: x.map(() => calls) } }'],
    [
      'take something from the row before, hidden from the lint',
      'const kept = [{ last: 0 }]; const features = ({ x }) => { const [state] = kept; return { x: x.map((value) => { const before = state.last; state.last = value; return before }) } }',
    ],
    [
      'remember what they saw first',
      'const seen = { order: {} }; const features = ({ x }) => { const own = seen; return { x: x.map((value) => (own.order[value] ??= Object.keys(own.order).length)) } }',
    ],
    ['compare rows', 'const features = ({ x }) => ({ x: x.map((value) => value - x[0]) })'],
  ])('end the run where they %s', async (_, body) => {
    await expect(twice(body)).rejects.toMatchObject({ code: 'FEATURES_NOT_REPEATABLE', exitCode: 11 })
  })

  it('end the run where a time has no zone, and say which feature', async () => {
    const body = 'const features = ({ t }) => ({ at: Float64Array.from(t, (text) => new Date(text).getTime()) })'
    await expect(twice(body, ['2020-01-01T10:00:00'])).rejects.toThrow('feature "at" of row 1 is another one')
  })

  it('end the run where they throw then only', async () => {
    const body = 'const features = ({ x }) => { if (x.length > 600) throw new Error("too many"); return { x } }'
    await expect(twice(body)).rejects.toMatchObject({ code: 'FEATURES_NOT_REPEATABLE' })
  })
})

describe('which rows', () => {
  it('are all up to a hundred thousand', () => {
    for (let row = 0; row < mostRepeated; row += 997) expect(isPicked(row, mostRepeated)).toBe(true)
  })

  it('are about as many of more, the same each time, and of no period', () => {
    const rows = 1_000_000
    const picked = Array.from({ length: rows }, (_, row) => row).filter((row) => isPicked(row, rows))
    expect(Math.abs(picked.length - mostRepeated)).toBeLessThan(1_500)
    for (const period of [2, 7, 24, 365])
      for (const rest of [0, 1]) {
        const share = picked.filter((row) => row % period === rest).length / picked.length
        expect(Math.abs(share - 1 / period)).toBeLessThan(0.01)
      }
  })
})
