import { expect, it } from 'vitest'
import { z } from 'zod'
import { gateLines } from '../../cli/plan-gates.ts'
import { plannedGates } from '../../client/plan-gates.ts'
import { auc, binary, pipeline, size, trees } from '../../lib/definition/index.ts'
import type { CodeRef } from '../../lib/formats/plan.ts'

const code: CodeRef = { name: 'f', file: 'f.ts', digest: `sha256:${'c'.repeat(64)}`, host: {} }
const plan = pipeline('sample', (p) => {
  const rows = p.snapshot('rows', { from: 'rows.csv', schema: z.object({ x: z.number(), y: z.boolean() }) })
  const parts = p.split(rows, { random: { validation: 0.2, test: 0.2 }, seed: 1 })
  const features = ({ x }: { x: Float64Array }) => ({ x })
  const model = p.train('model', { on: parts, features, target: binary('y'), learner: trees(), seed: 1 })
  const candidate = p.package(model)
  p.gate(candidate, { on: parts.test, must: [auc.atLeast(0.6)] })
  p.gate(candidate, { on: parts.validation, must: [size.atMost(1_000_000)] })
}).compile(() => code)
const lines = (splits: [string, object][]): string[] => gateLines(plannedGates(plan, new Map(splits as never)))

it('a plan lists its gates with their margins, and which one nobody wrote', () => {
  expect(lines([])).toEqual([
    '\ngate, on test:',
    '  auc ≥ 0.6',
    '  auc not worse than champion by 1 % of its value (90 %), default',
    '\ngate-2, on validation:',
    '  sizeBytes ≤ 1000000',
  ])
  expect(plannedGates(plan, new Map()).map((gate) => gate.default)).toEqual([false, true, false])
})

it('and warns where so few rows are known that the default one would fail good candidates', () => {
  expect(lines([['split', { train: 900, validation: 300, test: 312 }]])[3]).toBe(
    '    note: on 312 rows it fails about 39 % to 80 % of candidates as good as the champion: say a margin of your own, or judge by more rows',
  )
  expect(lines([['split', { train: 90_000, validation: 30_000, test: 30_000 }]])).toEqual(lines([]))
})
