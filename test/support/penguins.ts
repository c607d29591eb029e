import { constant, onnxFile, op, tensorValue, types } from './finished-models.ts'
import type { TestProject } from './project.ts'

/** The classes as the finished model has them: not in the order in which training would put them. */
export const givenSpecies = ['Gentoo', 'Adelie', 'Chinstrap'] as const

/** Sums of a row, in the order of `givenSpecies`: what the rows are made by, and what the model knows. */
const sums = {
  Gentoo: '(flipper - 200) * 0.2',
  Adelie: '(45 - bill) * 0.5',
  Chinstrap: '(bill - 45) * 0.5 - (flipper - 200) * 0.1',
}

/** Made-up penguins of three species, which depend on two lengths. @param more species of rows, by SQL */
export const penguinsSql = (rows = 3_000, { from = 0, bill = '35 + (i * 7919) % 200 / 10.0', species = '' } = {}) => `
  WITH measured AS (
    SELECT i AS id, TIMESTAMP '2024-01-01' + INTERVAL (i) HOUR AS day, ${bill} AS bill,
      170 + (i * 104729) % 60 AS flipper, ['Biscoe', 'Dream'][1 + (i * 31) % 2] AS island,
      ((i * 2654435761) % 1000) / 1000.0 AS chance
    FROM range(${from}, ${from + rows}) t(i)
  ), known AS (
    SELECT *, exp(${sums.Gentoo}) AS g, exp(${sums.Adelie}) AS a, exp(${sums.Chinstrap}) AS c FROM measured
  )
  SELECT id, day, bill, flipper, island,
    ${species || "CASE WHEN chance < a / (a + c + g) THEN 'Adelie' WHEN chance < (a + c) / (a + c + g) THEN 'Chinstrap' ELSE 'Gentoo' END"} AS species
  FROM known ORDER BY id`

/** Of the sums above: what a bill and a flipper weigh, and the intercept. */
const weights = { Gentoo: [0, 0.2, -40], Adelie: [-0.5, 0, 22.5], Chinstrap: [0.5, -0.1, -2.5] } as const

/**
 * A classifier as skl2onnx writes one: an input a column, a label, and probabilities in maps by class.
 * @param steepness of its sums: 1 is right
 * @param order of its classes
 */
export function penguinModel(
  steepness = 1,
  order: readonly (typeof givenSpecies)[number][] = givenSpecies,
): Uint8Array {
  const columns = order.map((name) => weights[name])
  const W = Float32Array.from([0, 1].flatMap((input) => columns.map((column) => steepness * (column[input] as number))))
  return onnxFile({
    inputs: [tensorValue('bill', types.float, ['N', 1]), tensorValue('flipper', types.float, ['N', 1])],
    nodes: [
      op('Concat', ['bill', 'flipper'], ['X'], { axis: 1 }),
      op('MatMul', ['X', 'W'], ['products']),
      op('Add', ['products', 'b'], ['sums']),
      op('Softmax', ['sums'], ['scores'], { axis: 1 }),
      op('ArgMax', ['scores'], ['label'], { axis: 1, keepdims: 0 }),
      op('ZipMap', ['scores'], ['probabilities'], { classlabels_strings: [...order] }, 'ai.onnx.ml'),
    ],
    constants: [
      constant('W', [2, 3], W),
      constant(
        'b',
        [3],
        Float32Array.from(columns, (column) => steepness * column[2]),
      ),
    ],
    outputs: [
      tensorValue('label', types.int64, ['N']),
      {
        name: 'probabilities',
        type: { sequence: { of: { map: { key: types.string, value: { tensor: { element: types.float } } } } } },
      },
    ],
  })
}

/** What the model says of a row by its own arithmetic: probabilities in the order of `givenSpecies`. */
export function probabilitiesOf({ bill, flipper }: { bill: number; flipper: number }): number[] {
  const powers = [(flipper - 200) * 0.2, (45 - bill) * 0.5, (bill - 45) * 0.5 - (flipper - 200) * 0.1].map(Math.exp)
  const all = powers.reduce((sum, power) => sum + power, 0)
  return powers.map((power) => power / all)
}

/** Writes a pipeline over penguins. @param learner and what it needs imported, as text */
export function writePenguins(
  project: TestProject,
  {
    name = 'penguins',
    learner,
    imports,
    must = "[accuracy.atLeast(0.5), slice('island', f1Macro.atLeast(0.3)), logLoss.notWorseThan('champion', { by: 0.05 })]",
    target = "multiclass('species')",
    split = "{ byHashOf: 'id', validation: 0.2, test: 0.3, seed: 3 }",
    features = '({ bill, flipper }: { bill: Float64Array; flipper: Float64Array }) { return { bill, flipper } }',
    more = `const live = p.deploy(candidate, { endpoint: '${name}', allAtOnce: true })
  p.monitor(live, { every: '7d', drift: psi.over(0.2), quality: accuracy.below(0.4), minRows: 1, minLabels: 10 })`,
  }: Readonly<Record<string, string>> & { readonly learner: string; readonly imports: string },
): void {
  project.write(
    `pipelines/${name}/schema.ts`,
    `import { z } from 'zod'
export const Penguin = z.object({
  id: z.int(), day: z.date(), bill: z.number().min(0).max(100), flipper: z.int().min(100).max(300),
  island: z.enum(['Biscoe', 'Dream']), species: z.string(),
})
`,
  )
  project.write(`pipelines/${name}/features.ts`, `export function features${features}\n`)
  project.write(
    `pipelines/${name}/pipeline.ts`,
    `import { accuracy, f1Macro, logLoss, multiclass, pipeline, psi, slice, ${imports} } from 'slipway'
import { features } from './features.ts'
import { Penguin } from './schema.ts'
export default pipeline('${name}', (p) => {
  const penguins = p.snapshot('penguins', { from: 'data/penguins.parquet', schema: Penguin })
  const parts = p.split(penguins, ${split})
  const model = p.train('species', { on: parts, features, target: ${target}, learner: ${learner}, seed: 1 })
  const candidate = p.package(model)
  p.gate(candidate, { on: parts.test, must: ${must} })
  ${more}
})
`,
  )
}
