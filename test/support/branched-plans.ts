import { z } from 'zod'
import { auc, type Builder, binary, pipeline, trees } from '../../lib/definition/index.ts'
import type { CodeRef, Plan } from '../../lib/formats/plan.ts'

const code: CodeRef = { name: 'features', file: 'features.ts', digest: `sha256:${'c'.repeat(64)}`, host: {} }
export const Row = z.object({ id: z.int(), x: z.number(), y: z.int() })

/** What two models of one shape have in common. */
export const common = {
  features: ({ x }: { x: Float64Array }) => ({ x }),
  target: binary('y', (y: Float64Array) => Uint8Array.from(y)),
  learner: trees({ trees: 3 }),
} as const

/** The plan of what a function records. */
export const planOf = (define: (p: Builder) => void, parallel?: number): Plan =>
  pipeline('sample', parallel === undefined ? {} : { parallel }, define).compile(() => code)

/** `b001`, `b002`, … */
export const branchNames = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `b${String(i + 1).padStart(3, '0')}`)

interface Shape {
  readonly parallel?: number
  /** A person is asked in every branch. */
  readonly approval?: boolean
  readonly endpoints?: boolean
}

/** One source for all, and a model a branch: split, train, package, evaluate, gate, register. */
export const branchedPlan = (count: number, { parallel, approval = false, endpoints = false }: Shape = {}): Plan =>
  planOf((p) => {
    const rows = p.validate(p.snapshot('rows', { from: 'rows.parquet', schema: Row }))
    p.each(branchNames(count), (p, name) => {
      const parts = p.split(rows, { byHashOf: 'id', validation: 0.2, test: 0.2, seed: Number(name.slice(1)) })
      const candidate = p.package(p.train('model', { ...common, on: parts, seed: 1 }))
      p.gate(candidate, { on: parts.test, must: [auc.atLeast(0.6), auc.notWorseThan('champion', { by: 0.01 })] })
      if (approval) p.approve(candidate, { role: 'ml-lead', within: '24h', otherwise: 'reject' })
      if (endpoints) p.deploy(candidate, { endpoint: `sample-${name}`, allAtOnce: true })
    })
  }, parallel)
