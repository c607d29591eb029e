import { fork } from 'node:child_process'
import { builtFile } from '../../code/host.ts'
import type { LocalCode } from '../../code/local-code.ts'
import type { Features } from '../../code/run-features.ts'
import type { PlainError } from '../../code/thread-errors.ts'
import type { Column } from '../../formats/columns.ts'
import { SlipwayError } from '../../formats/errors.ts'
import { firstDifference, type PickedRows } from './sample.ts'

/** What the second process is asked for. */
export interface AgainOrder {
  readonly file: string
  readonly digest: string
  readonly name: string
  readonly columns: Readonly<Record<string, Column>>
  readonly rows: number
}

/** Features of the rows in the order they were given, or why there are none. */
export type AgainAnswer = { readonly features: Features } | { readonly error: PlainError }

/** As far away from UTC as it gets, and the locale in which upper and lower case are others. */
const elsewhere = { TZ: 'Pacific/Apia', LC_ALL: 'tr_TR.UTF-8', LANG: 'tr_TR.UTF-8' }

/**
 * Makes features a second time, in a process of its own with another time zone and locale, in another order of rows,
 * and holds them to the first ones bit by bit: a model serves what it learned from only where they are the same.
 * @throws SlipwayError FEATURES_NOT_REPEATABLE
 */
export async function requireRepeatable(
  { file, digest, name }: LocalCode,
  { numbers, columns, features }: PickedRows,
): Promise<void> {
  if (numbers.length === 0) return
  const answer = await asked({ file, digest, name, columns, rows: numbers.length })
  if ('error' in answer) throw notRepeatable(`${name} throws the second time: ${answer.error.message}`)
  const difference = firstDifference(features, answer.features)
  if (difference === null) return
  const { feature, row } = difference
  throw notRepeatable(`${name}: feature "${feature}" of row ${numbers[row]} is another one the second time`)
}

/** Asks the process, which ends with whoever asked. */
function asked(order: AgainOrder): Promise<AgainAnswer> {
  return new Promise((resolve, reject) => {
    const child = fork(builtFile('features-again'), [], {
      env: elsewhere,
      execArgv: [],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    child.once('message', (answer: AgainAnswer) => resolve(answer))
    child.once('error', reject)
    child.once('exit', (code, signal) =>
      reject(new Error(`the process that makes features a second time ended (${signal ?? code})`)),
    )
    child.send(order, (error) => error && reject(error))
  })
}

const notRepeatable = (message: string): SlipwayError =>
  new SlipwayError(
    'FEATURES_NOT_REPEATABLE',
    `${message}, in a process of another time zone and locale and with the rows in another order`,
    {
      next: 'a feature may depend on its own row only: not on rows before it, on local time (give texts of times a zone) or on the locale',
    },
  )
