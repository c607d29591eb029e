import { registeredVersion } from '../../client/model-version.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import type { EvidenceEntry, RolloutStart } from '../../lib/formats/evidence.ts'
import { describeStrategy } from '../../lib/formats/rollout-policy.ts'
import { type ReplayedLook, replayRollout } from '../../lib/stats/replay.ts'
import { readEvidence, readRolloutEnd, readRolloutStart } from '../../lib/store/rollouts.ts'
import type { Store } from '../../lib/store/store.ts'
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
  const start = what.includes('@') ? undefined : await readRolloutStart(context.store, what)
  if (start !== undefined) return explainRollout(context.store, what, start, options)
  const version = await registeredVersion(context.store, what)
  if (version !== undefined) return (await import('./explain-model.ts')).explainModel(context, version, options)
  throw new SlipwayError('NOT_FOUND', `there is no rollout and no model ${what}`, {
    next: 'see slipway rollout status <endpoint>, and slipway models',
  })
}

async function explainRollout(
  store: Store,
  id: string,
  start: RolloutStart,
  options: JsonOption & { replay?: boolean },
): Promise<number> {
  const end = await readRolloutEnd(store, id)
  const looks = await readLooks(store, id)
  const replayed = replayRollout(
    start.policy,
    start.state,
    looks.map(({ blocks, mistakes, ...look }) => ({
      ...look,
      blocks,
      mistakes,
    })),
    end?.decisions.at(-1) ?? null,
  )
  const differing = replayed.filter(({ same }) => same === false)
  const compared = replayed.filter(({ same }) => same !== null).length
  const verified = options.replay === true && differing.length > 0 ? 16 : 0
  if (options.json === true) {
    printJson({
      start,
      end: end ?? null,
      looks: replayed,
      replay: { compared, differing: differing.map(({ seq }) => seq) },
    })
    return verified
  }
  print(
    `${colors.bold(id)}  ${start.endpoint}: version ${start.champion.version} → ${start.candidate.version}, ${describeStrategy(start.policy)}`,
  )
  print(end === undefined ? '  going on' : `  ${end.outcome} after ${seconds(end.seconds)}: ${end.reason}`)
  for (const look of replayed)
    if (look.recorded !== null && (look.recorded.action !== 'hold' || look.same === false)) showLook(look)
  if (options.replay === true) {
    print(
      differing.length === 0
        ? colors.green(`\nreplay: ${compared} decisions recomputed from ${looks.length} looks, all the same`)
        : colors.red(
            `\nreplay: ${differing.length} of ${compared} decisions differ, first at look ${differing[0]?.seq}`,
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

async function readLooks(store: Store, id: string): Promise<EvidenceEntry[]> {
  const looks: EvidenceEntry[] = []
  for (;;) {
    const next = await Promise.all(Array.from({ length: 16 }, (_, i) => readEvidence(store, id, looks.length + i)))
    const found = next.slice(0, next.indexOf(undefined) < 0 ? 16 : next.indexOf(undefined)) as EvidenceEntry[]
    looks.push(...found)
    if (found.length < 16) return looks
  }
}
