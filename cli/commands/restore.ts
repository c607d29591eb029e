import { restore } from '../../client/restore.ts'
import { openContext } from '../context.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson } from '../output.ts'

/** `restore routes/flights`: takes a broken ref back to the last good generation of its log. */
export async function restoreAndTell(ref: string, options: JsonOption): Promise<number> {
  const restored = await restore(openContext(), ref)
  const { from, generation, quarantined } = restored
  if (options.json === true) printJson(restored)
  else {
    print(`${ref} is as it was in generation ${from} of its log; it counts as generation ${generation}`)
    if (quarantined !== null) print(`  what lay there is kept as ${quarantined}`)
  }
  return 0
}
