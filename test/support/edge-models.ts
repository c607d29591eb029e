import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { eventually } from './gateways.ts'
import { penguinsSql, writePenguins } from './penguins.ts'
import type { Place } from './place.ts'
import { loansSql, writeLoans } from './project.ts'

/** A yes/no model whose rows may lack an age and a purpose, served. */
export async function writeEdgeLoans(place: Place, trees = 20): Promise<void> {
  const { project } = place
  const holes = `SELECT * REPLACE (CASE WHEN id % 11 = 0 THEN NULL ELSE age END AS age, CASE WHEN id % 13 = 0 THEN NULL ELSE purpose END AS purpose) FROM (${loansSql(6_000)})`
  await project.data('data/loans.parquet', holes)
  writeLoans(project, {
    schema: `import { z } from 'zod'
export const Loan = z.object({
  id: z.int(), day: z.date(), income: z.number().min(0).max(200000), age: z.int().min(18).max(100).nullable(),
  purpose: z.string().regex(/^[a-z]+$/).nullable(), defaulted: z.int().min(0).max(1),
})
`,
    features: `export function features({ income, age, purpose }: { income: Float64Array; age: Float64Array; purpose: readonly (string | null)[] }) {
  if (income.some((x) => x === 13)) throw new Error('no such income')
  return { income, age, ratio: Float64Array.from(income, (x, i) => Math.log1p(x) / age[i]!), purpose }
}
`,
  })
  const file = join(project.root, 'pipelines/loans/pipeline.ts')
  const text = readFileSync(file, 'utf8')
    .replace('trees: 20', `trees: ${trees}`)
    .replace(/\}\)\n$/, "  p.deploy(candidate, { endpoint: 'loans', allAtOnce: true })\n})\n")
  writeFileSync(file, text)
}

/** Penguins of three species, served. */
export async function writeEdgePenguins({ project }: Place): Promise<void> {
  await project.data('data/penguins.parquet', penguinsSql())
  const more = "p.deploy(candidate, { endpoint: 'grown', allAtOnce: true })"
  writePenguins(project, { name: 'grown', learner: 'trees({ trees: 15, leaves: 7 })', imports: 'trees', more })
}

/** Runs a command that ends well, and gives its document. */
// biome-ignore lint/suspicious/noExplicitAny: whatever the document holds
export async function documentOf(place: Place, ...args: string[]): Promise<any> {
  const { code, stdout, stderr } = await place.run(...args, '--json')
  expect(code, `${stdout}\n${stderr}`).toBe(0)
  return JSON.parse(stdout)
}

/** Runs a pipeline, and waits until the gateway answers with that version. */
export async function runAndServe(place: Place, name: string): Promise<void> {
  const { model } = await documentOf(place, 'run', name, '--wait')
  await eventually(async () => {
    const answer = await fetch(`${place.gateway}/v2/models/${name}/versions/${model.version}/ready`).catch(
      () => undefined,
    )
    return answer?.ok === true
  })
}

/** What the gateway answers to rows, or the message that it refuses them with. */
export async function askGateway(place: Place, name: string, rows: readonly object[]): Promise<unknown> {
  const response = await fetch(`${place.gateway}/endpoints/${name}/invocations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(rows),
  })
  const body = (await response.json()) as { predictions?: unknown; OriginalMessage?: string }
  return response.ok ? body.predictions : body.OriginalMessage
}
