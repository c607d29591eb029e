import { copyFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { readMade } from '../../data/read-made.ts'
import { SlipwayError } from '../../formats/errors.ts'
import type { OwnOutput } from '../../formats/step-kinds/derived-steps.ts'
import type { OwnStepMade } from '../run-code.ts'
import type { Progress } from '../step-work.ts'
import type { StepProgramOrder } from './lay-out.ts'
import { stepLayout } from './layout.ts'

/** What a step's program left, and where to write what it made of it. */
export interface StepRead extends Omit<StepProgramOrder, 'inputs'> {
  readonly folder: string
}

/**
 * Reads what a step's program left, wherever it ran: of a table the files in the folder of its output that are of the
 * program's format, in the order of their names; of anything else the one file that is there.
 * @throws SlipwayError PROGRAM_FAILED, TABLE_SCHEMA
 */
export async function readStep(read: StepRead, onProgress: Progress): Promise<Pick<OwnStepMade, 'outputs'>> {
  onProgress('reading what it made', 0.75)
  const made: Record<string, { file: string; rows?: number }> = {}
  for (const [name, output] of Object.entries(read.outputs)) {
    const rows = await readOutput(read, name, output)
    made[name] = { file: name, ...(rows !== undefined && { rows }) }
  }
  return { outputs: made }
}

async function readOutput(read: StepRead, name: string, output: OwnOutput): Promise<number | undefined> {
  const { data } = read.program
  const what = `"${name}" of step "${read.name}"`
  const from = join(stepLayout(read.root).outputs, name)
  const to = join(read.folder, name)
  const all = (await readdir(from, { withFileTypes: true }).catch(() => []))
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)
    .sort()
  if (!('schema' in output)) {
    const [file] = all
    if (file === undefined || all.length > 1)
      throw failed(
        `the program left ${all.length === 0 ? 'nothing' : `${all.length} files (${all.slice(0, 3).join(', ')})`} for ${what}`,
        `have it write one file into ${name}/ of SLIPWAY_OUTPUT_DIR`,
      )
    await copyFile(join(from, file), to)
    return undefined
  }
  const files = all.filter((file) => file.endsWith(`.${data}`))
  if (files.length === 0)
    throw failed(
      `the program left no .${data} for ${what}${all.length === 0 ? '' : `: there is ${all.slice(0, 3).join(', ')}`}`,
      `have it write ${name}.${data} into ${name}/ of SLIPWAY_OUTPUT_DIR`,
    )
  const tables = files.map((file) => ({ path: join(from, file), name: `${name}/${file}` }))
  return readMade({ files: tables, format: data, schema: output.schema }, what, to).catch((error) => {
    if (!(error instanceof SlipwayError) || error.code === 'TABLE_SCHEMA') throw error
    throw failed(`${what} is no table: ${error.message}`, `have the program write ${data} that can be read`)
  })
}

const failed = (message: string, next: string): SlipwayError => new SlipwayError('PROGRAM_FAILED', message, { next })
