import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { writeTable } from '../../data/write-table.ts'
import type { RowSchema } from '../../formats/row-schema.ts'
import type { OwnOutput } from '../../formats/step-kinds/derived-steps.ts'
import type { StepProgram } from '../../formats/step-program.ts'
import { resources } from '../../learners/program/layout.ts'
import { containerScript, ownFolders } from '../../learners/sagemaker/start-script.ts'
import type { LocalInput } from '../run-code.ts'
import type { Progress } from '../step-work.ts'
import { type StepLayout, stepEnvironment, stepFile, stepLayout } from './layout.ts'

/** What a step's program reads and makes. */
export interface StepProgramOrder {
  readonly name: string
  readonly program: StepProgram
  readonly inputs: Readonly<Record<string, LocalInput>>
  readonly outputs: Readonly<Record<string, OwnOutput>>
  /** Stands for `/opt/ml`. */
  readonly root: string
}

export const startFile = 'start.sh'

/**
 * Writes what a step's program reads, here or there: a folder for every input, with its table or its file, an empty one
 * for every output, and a file that says what they are.
 */
export async function layOutStep(order: StepProgramOrder, onProgress: Progress): Promise<void> {
  const { program, inputs, outputs } = order
  const layout = stepLayout(order.root)
  onProgress('writing what the program reads', 0)
  const folders = [layout.config, layout.told, layout.home, layout.temporary, dirname(layout.failure)]
  for (const folder of folders) await mkdir(folder, { recursive: true, mode: 0o700 })
  for (const name of Object.keys(outputs)) await mkdir(join(layout.outputs, name), { recursive: true, mode: 0o700 })
  for (const [name, input] of Object.entries(inputs)) {
    const file = join(layout.inputs, name, fileOf(name, input, program))
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    if ('table' in input) await writeTable(input.table, program.data, file)
    else await copyFile(input.file, file)
  }
  const write = (file: string, content: unknown): Promise<void> =>
    writeFile(file, `${JSON.stringify(content, undefined, 2)}\n`)
  await write(join(layout.config, 'resourceconfig.json'), resources)
  await write(join(layout.told, stepFile), toldOf(order))
  await writeFile(join(layout.told, startFile), scriptOf(program, Object.keys(outputs)))
}

const fileOf = (name: string, input: LocalInput, { data }: StepProgram): string =>
  'table' in input ? `${name}.${data}` : name

/** What inputs and outputs are. */
const toldOf = ({ program, inputs, outputs }: StepProgramOrder): unknown => ({
  inputs: Object.fromEntries(
    Object.entries(inputs).map(([name, input]) => {
      const what = 'table' in input ? { columns: columnsOf(input.table.schema) } : { mediaType: input.mediaType }
      return [name, { file: fileOf(name, input, program), ...what }]
    }),
  ),
  outputs: Object.fromEntries(
    Object.entries(outputs).map(([name, output]) => [
      name,
      'schema' in output ? { columns: columnsOf(output.schema) } : output,
    ]),
  ),
})

const columnsOf = (schema: RowSchema): unknown => schema.map(({ name, type, nullable }) => ({ name, type, nullable }))

/** What starts it in a container of SageMaker's. */
function scriptOf(program: StepProgram, outputs: readonly string[]): string {
  const there: StepLayout = { ...stepLayout('/opt/ml'), ...ownFolders }
  return containerScript(
    {
      config: '/opt/ml/config',
      code: join(there.processing, 'code'),
      told: there.told,
      configured: [],
      made: [dirname(there.failure), ...outputs.map((name) => join(there.outputs, name))],
    },
    stepEnvironment(program, there, '', {}),
  )
}
