import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { exampleTable } from '../../lib/proposal/example-table.ts'
import { constant, onnxFile, op, tensorValue, types } from './finished-models.ts'
import { type CommandSaid, runAll } from './own-table.ts'
import { readmeBlocks } from './readme-blocks.ts'

/** A model of somebody's that knows what a square metre costs. */
const rentModel = (): Uint8Array =>
  onnxFile({
    nodes: [op('Mul', ['area_m2', 'price'], ['rent'])],
    inputs: [tensorValue('area_m2', types.float, ['rows', 1])],
    constants: [constant('price', [1], Float32Array.of(16))],
    outputs: [tensorValue('rent', types.float, ['rows', 1])],
  })

/** What is asked of `npm create slipway` for each template besides its name; `tabular` is the README's. */
const asked = {
  batch: '',
  onnx: ' --model rents.onnx --from flats.csv',
  python: '',
} as const
export type OtherTemplate = keyof typeof asked

/**
 * Creates a project from a template in an empty folder, and does what its README says, word for word.
 * @param env says where `npm` finds packages
 * @param before what is done before, in the project
 * @returns what each command said
 * @throws Error at the first that fails
 */
export async function liveByItsReadme(
  folder: string,
  template: OtherTemplate,
  env: Readonly<Record<string, string>>,
  before: readonly string[] = [],
): Promise<readonly CommandSaid[]> {
  if (template === 'onnx') {
    writeFileSync(join(folder, 'rents.onnx'), rentModel())
    writeFileSync(join(folder, 'flats.csv'), exampleTable())
  }
  const create = `npm create slipway@latest my-models -- --template ${template}${asked[template]}`
  const created = await mustRunAll(folder, [create], env)
  const project = join(folder, 'my-models')
  const [block] = readmeBlocks(readFileSync(join(project, 'README.md'), 'utf8'))
  try {
    const lived = await mustRunAll(project, [...before, ...(block?.commands ?? [])], env)
    return [...created, ...lived]
  } finally {
    await runAll(project, ['npx slipway down'], env)
  }
}

async function mustRunAll(...order: Parameters<typeof runAll>): Promise<readonly CommandSaid[]> {
  const { code, said } = await runAll(...order)
  if (code === 0) return said
  throw new Error(said.map(({ command, said: text }) => `$ ${command}\n${text}`).join('\n'))
}

/** What the commands of a project say when all is well, by how they begin. */
export const saidOf = (template: OtherTemplate): readonly (readonly [string, RegExp])[] => [
  ['npm test', /Tests +[2-9] passed/],
  ['npx slipway run', /rent version 1 is champion/],
  ['npx slipway open', /rent-1\.html/],
  template === 'batch'
    ? ['npx slipway batch score', /1,500 scored, 0 set aside/]
    : ['npx slipway rollout status', /version 1/],
  ['npx slipway down', /down|stopped/],
]
