import { recoverLost } from '../../client/recover.ts'
import type { LostWork } from '../../workers/recover.ts'
import { openContext } from '../context.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson } from '../output.ts'

/** `recover`: brings back what Temporal lost; with `--dry-run` it says what that is. */
export async function recoverAndTell(
  options: JsonOption & { readonly dryRun?: boolean; readonly adoptStore?: boolean },
): Promise<number> {
  const { adoptStore = false } = options
  const dryRun = options.dryRun === true
  const isForPeople = options.json !== true
  const tell = ({ kind, name, how }: LostWork): void => print(`${kind.padEnd(9)} ${name}  ${how}`)
  const document = await recoverLost(openContext(), {
    dryRun,
    adoptStore,
    ...(isForPeople && !dryRun && { onEach: tell }),
  })
  if (!isForPeople) printJson(document)
  else if (document.lost.length === 0) print('nothing is lost: Temporal knows all that the store says should go on')
  else if (dryRun) {
    for (const work of document.lost) tell(work)
    print('nothing was done: without --dry-run it is')
  }
  return 0
}
