import { readEndpoint } from '../../client/endpoints.ts'
import type { RolloutVerb } from '../../client/rollouts.ts'
import { routeInWords } from '../../lib/formats/route.ts'
import type { RolloutStatus } from '../../workflows/messages.ts'
import { colors } from '../colors.ts'
import { openContext } from '../context.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson, seconds } from '../output.ts'
import { verdictTable } from '../verdicts.ts'

/** What an endpoint serves, and where its rollout stands. */
export async function status(endpoint: string, options: JsonOption): Promise<number> {
  const document = await readEndpoint(openContext(), endpoint)
  const { route, rollout, suspended, last } = document
  if (options.json === true) {
    printJson(document)
    return 0
  }
  print(`${colors.bold(endpoint)}  ${routeInWords(route)}  ${colors.dim(`revision ${route.revision}`)}`)
  if (rollout !== null) showLive(rollout)
  else if (route.rollout !== null) print(`  rollout ${route.rollout.id}: no worker answers; it goes on when one does`)
  else if (last !== null)
    print(`  last rollout ${last.id}: ${last.outcome} after ${seconds(last.seconds)}: ${last.reason}`)
  for (const { gateway, since } of suspended)
    print(`  suspended by gateway ${gateway} since ${since}: nobody watches the rollout, so its candidate gets nothing`)
  return 0
}

function showLive({
  id,
  stage,
  stageNumber,
  stages,
  paused,
  reason,
  verdicts,
  decisions,
  seconds: age,
}: RolloutStatus): void {
  print(`  rollout ${id}, ${seconds(age)}: ${stage}, step ${stageNumber} of ${stages}${paused ? ', paused' : ''}`)
  print(`  ${reason}`)
  print('')
  print(verdictTable(verdicts))
  for (const { stage: where, action, reason: why, by } of decisions)
    print(`  ${where.padEnd(12)} ${action}${by === undefined ? '' : ` by ${by}`}: ${why}`)
}

/** Asks the rollout of an endpoint for something, by name of who asks. */
export async function act(
  verb: RolloutVerb,
  endpoint: string,
  options: JsonOption & { reason?: string; as?: string },
): Promise<number> {
  const { askRollout } = await import('../../client/rollouts.ts')
  const { reason, as } = options
  const asked = await askRollout(openContext(), endpoint, verb, { reason, as })
  if (options.json === true) printJson(asked)
  else print(`asked rollout ${asked.rollout} to ${verb}`)
  return 0
}
