import { workflowLink } from '../../client/context.ts'
import { findRetraining, holdRetraining, readRetraining, signalRetraining } from '../../client/retraining.ts'
import type { RetrainCause } from '../../lib/formats/alerts.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { openContext } from '../context.ts'
import { isoTime, type JsonOption } from '../options.ts'
import { print, printJson, table } from '../output.ts'

const kinds: readonly RetrainCause['kind'][] = ['drift', 'quality', 'labels', 'schedule']

/** `signal drift flights --reason "…"`: what an alert does. The supervisor decides what follows. */
export async function signal(
  named: string,
  pipeline: string,
  options: JsonOption & { reason?: string; asOf?: string },
): Promise<number> {
  const kind = kinds.find((each) => each === named)
  if (kind === undefined)
    throw new SlipwayError('USAGE', `signal ${named}: expected one of ${kinds.join(', ')}`, {
      next: `for example slipway signal drift ${pipeline} --reason "…"`,
    })
  const context = openContext()
  const { reason, asOf } = options
  const told = await signalRetraining(context, pipeline, {
    kind,
    reason,
    asOf: asOf === undefined ? undefined : isoTime('--as-of', asOf),
  })
  if (options.json === true) printJson(told)
  else print(`told the supervisor of ${pipeline}\n  look  ${workflowLink(context.settings, told.workflowId)}`)
  return 0
}

/** `retrain status flights`: what the supervisor does, what it waits for, and how its retrainings ended. */
export async function status(pipeline: string, options: JsonOption): Promise<number> {
  const context = openContext()
  if (options.json === true) {
    printJson(await readRetraining(context, pipeline))
    return 0
  }
  const found = await findRetraining(context, pipeline)
  if (found === undefined) {
    print(`${pipeline}: nobody has asked for a retraining yet`)
    return 0
  }
  print(`${pipeline}: ${found.state}, ${found.reason}`)
  for (const { kind, reason } of found.pending) print(`  asked for: ${kind}, ${reason}`)
  if (found.retrainings.length > 0)
    print(
      table(
        ['run', 'status', 'cause', 'outcome'],
        found.retrainings.map(({ run, status: end, cause, reason }) => [
          run,
          end,
          cause.slice(0, 60),
          reason.slice(0, 80),
        ]),
      ),
    )
  return 0
}

/** `retrain pause|resume flights`. */
export async function act(
  verb: 'pause' | 'resume',
  pipeline: string,
  options: JsonOption & { reason?: string },
): Promise<number> {
  await holdRetraining(openContext(), verb, pipeline, options)
  if (options.json === true) printJson({ pipeline, [verb]: true })
  else print(`${pipeline}: retraining ${verb === 'pause' ? 'paused' : 'resumed'}`)
  return 0
}
