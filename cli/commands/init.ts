import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline/promises'
import { withDuckDb } from '../../lib/data/duckdb.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { readGraph } from '../../lib/learners/finished/read-graph.ts'
import { type Proposal, propose } from '../../lib/proposal/propose.ts'
import { readTable } from '../../lib/proposal/read-table.ts'
import type { ModelInput } from '../../lib/proposal/taken-columns.ts'
import { chooseTarget } from '../../lib/proposal/target.ts'
import type { Template } from '../../lib/proposal/templates.ts'
import { findRoot } from '../../workers/root.ts'
import { colors } from '../colors.ts'
import { withExample } from '../init/example.ts'
import { install } from '../init/install.ts'
import { type Manager, managerOf } from '../init/managers.ts'
import { type Project, projectOf, requireFree } from '../init/project.ts'
import { bytesToCopy, takeFile } from '../init/take-file.ts'
import { writeAll } from '../init/write-all.ts'
import { print, printJson, say } from '../output.ts'

export interface InitOptions {
  readonly from?: string
  readonly target?: string
  readonly template?: Template
  readonly model?: string
  readonly name?: string
  readonly yes?: boolean
  /** False: package.json says what is needed, and nothing is fetched. */
  readonly install?: boolean
  readonly json?: boolean
}

/** A pipeline over a user's file, in a folder that becomes a project or is one already. @returns the exit code */
export async function init(options: InitOptions): Promise<number> {
  const root = findRoot()
  const { template = 'tabular', model } = options
  if ((template === 'onnx') !== (model !== undefined) || (template === 'onnx' && options.from === undefined))
    throw new SlipwayError('USAGE', 'a finished model (--template onnx) needs its file and rows to judge it by', {
      next: 'slipway init --template onnx --model model.onnx --from rows.csv',
    })
  const copied = new Map<string, string | Uint8Array>()
  const finished = model === undefined ? undefined : await takeFile(root, '--model', model, 'models')
  const takes = finished && (await inputsOf(finished.path, finished.from))
  const table = options.from === undefined ? undefined : await takeFile(root, '--from', options.from, 'data')
  const proposal =
    table === undefined
      ? await withExample((path, from, text) => {
          copied.set(from, text)
          return proposalFor(path, from, options, takes)
        })
      : await proposalFor(table.path, table.from, options, takes)
  requireFree(root, proposal)
  for (const taken of [table, finished]) {
    const bytes = taken?.isCopied ? await bytesToCopy(root, taken) : undefined
    if (taken !== undefined && bytes !== undefined) copied.set(taken.from, bytes)
  }
  const manager = managerOf(root)
  const project = projectOf({ root, proposal, template, manager, copied, model: finished?.from })
  for (const { about, says } of proposal.guesses) say(`  ${colors.bold(about)}: ${says}`)
  if (!(await isWanted(options))) {
    say('nothing is written')
    return 0
  }
  await writeAll(root, project.files)
  const isReady = options.install !== false && (await install(root, manager, project.packages))
  tell(options, { proposal, template, manager, project, isReady })
  return 0
}

function proposalFor(
  path: string,
  from: string,
  { target, name }: InitOptions,
  takes: readonly ModelInput[] | undefined,
): Promise<Proposal> {
  return withDuckDb(2, async (connection) => {
    const { profile, relationsTo } = await readTable(connection, path, from)
    const { column } = chooseTarget(profile, target)
    return propose(profile, await relationsTo(column.name), { target, name, takes })
  })
}

/** The inputs of a finished model. @throws SlipwayError MODEL_INVALID */
async function inputsOf(path: string, file: string): Promise<ModelInput[]> {
  try {
    return readGraph(await readFile(path)).inputs.map(({ name, type }) => {
      const shape = type.kind === 'tensor' ? type.shape : undefined
      return { name, width: shape === undefined || shape.length < 2 ? 1 : shape[1] }
    })
  } catch (cause) {
    throw new SlipwayError('MODEL_INVALID', `${file} is no ONNX model: ${(cause as Error).message}`, {
      next: 'export the model again',
    })
  }
}

/** Asks whoever sits before a terminal. */
async function isWanted({ yes, json }: InitOptions): Promise<boolean> {
  if (yes === true || json === true || process.stdin.isTTY !== true) return true
  const asking = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^(y|yes)?$/i.test((await asking.question('Write a pipeline so? [Y/n] ')).trim())
  } finally {
    asking.close()
  }
}

interface Made {
  readonly proposal: Proposal
  readonly template: Template
  readonly manager: Manager
  readonly project: Project
  readonly isReady: boolean
}

function tell({ json }: InitOptions, { proposal, template, manager, project, isReady }: Made): void {
  const { name, guesses, table, target, split } = proposal
  const { files, kept } = project
  /** Set by `npm create slipway`, which made the folder. */
  const created = process.env.SLIPWAY_CREATED
  const next = [
    ...(created === undefined ? [] : [`cd ${created}`]),
    ...(isReady ? [] : [`${manager.name} install`]),
    `${manager.run} slipway up --detach`,
    `${manager.run} slipway run ${name} --wait`,
  ]
  if (json === true) {
    const guessed = { target: target.column.name, task: target.task, split: split.rule, from: table.from, guesses }
    printJson({ pipeline: name, template, ...guessed, files: [...files.keys()], kept, installed: isReady, next })
    return
  }
  print(`written: ${[...files.keys()].join(', ')}`)
  if (kept.length > 0) print(`there already, and left as they are: ${kept.join(', ')}`)
  print('')
  for (const line of next) print(`  ${line}`)
}
