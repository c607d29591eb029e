import { registeredVersion } from '../../client/model-version.ts'
import { findRolloutDecisions, type RolloutDecisionsDocument } from '../../client/rollout-decisions.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { describeStrategy } from '../../lib/formats/rollout-policy.ts'
import type { ReplayedLook } from '../../lib/stats/replay.ts'
import { colors } from '../colors.ts'
import { openContext } from '../context.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson, seconds } from '../output.ts'
import { verdictTable } from '../verdicts.ts'

/**
 * Every decision of a rollout with its evidence; with `replay` each is recomputed from it and compared. Of a model,
 * what its scores rest on.
 */
export async function explain(what: string, options: JsonOption & { replay?: boolean; row?: string }): Promise<number> {
  const context = openContext()
  const decisions = what.includes('@') ? undefined : await findRolloutDecisions(context, what)
  if (decisions !== undefined) return explainRollout(what, decisions, options)
  if ((await registeredVersion(context.store, what)) !== undefined)
    return (await import('./explain-model.ts')).showExplained(context, what, options)
  throw new SlipwayError('NOT_FOUND', `there is no rollout and no model ${what}`, {
    next: 'see slipway rollout status <endpoint>, and slipway models',
  })
}

function explainRollout(
  id: string,
  document: RolloutDecisionsDocument,
  options: JsonOption & { replay?: boolean },
): number {
  const { start, end, looks, replay } = document
  const verified = options.replay === true && replay.differing.length > 0 ? 16 : 0
  if (options.json === true) {
    printJson(document)
    return verified
  }
  print(
    `${colors.bold(id)}  ${start.endpoint}: version ${start.champion.version} → ${start.candidate.version}, ${describeStrategy(start.policy)}`,
  )
  print(end === null ? '  going on' : `  ${end.outcome} after ${seconds(end.seconds)}: ${end.reason}`)
  for (const look of looks)
    if (look.recorded !== null && (look.recorded.action !== 'hold' || look.same === false)) showLook(look)
  if (options.replay === true) {
    print(
      replay.differing.length === 0
        ? colors.green(`\nreplay: ${replay.compared} decisions recomputed from ${looks.length} looks, all the same`)
        : colors.red(
            `\nreplay: ${replay.differing.length} of ${replay.compared} decisions differ, first at look ${replay.differing[0]}`,
          ),
    )
  }
  return verified
}

function showLook({ seq, at, recorded, recomputed, same }: ReplayedLook): void {
  print('')
  print(
    `${new Date(at).toISOString()}  look ${seq}, ${recorded?.stage}: ${colors.bold(recorded?.action ?? '')}${recorded?.by === undefined ? '' : ` by ${recorded.by}`}: ${recorded?.reason}`,
  )
  print(verdictTable(recomputed.verdicts))
  if (same === false) print(colors.red(`  recomputed: ${recomputed.action}: ${recomputed.reason}`))
}
