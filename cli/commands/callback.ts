import { readFileSync } from 'node:fs'
import { readCallback } from '../../lib/sagemaker/callback-message.ts'
import { sageMakerClients } from '../../lib/sagemaker/clients.ts'
import { carryOut } from '../asked-run.ts'
import { openContext } from '../context.ts'
import type { JsonOption } from '../options.ts'
import { print, say } from '../output.ts'

/**
 * `sagemaker callback message.json`: does what a callback step asks for, and answers it. A command that is interrupted
 * has answered nothing, and the queue brings the message again.
 * @returns the exit code of the run
 */
export async function callback(file: string, options: JsonOption): Promise<number> {
  const context = openContext()
  const asked = readCallback(readFileSync(file === '-' ? 0 : file, 'utf8'))
  const clients = sageMakerClients()
  try {
    const { exitCode, what, told, hadEnded, refusal } = await carryOut({ context, clients }, asked, options)
    say(`  ${told}`)
    if (hadEnded || asked.isStopping) print(what)
    if (refusal !== undefined) throw refusal
    return exitCode
  } finally {
    clients.destroy()
  }
}
