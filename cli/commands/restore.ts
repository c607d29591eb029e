import { userInfo } from 'node:os'
import { restoreRef } from '../../lib/store/refs.ts'
import { renumbered } from '../../lib/store/routes.ts'
import { openContext } from '../context.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson } from '../output.ts'

/** `restore routes/flights`: takes a broken ref back to the last good generation of its log. */
export async function restore(ref: string, options: JsonOption): Promise<number> {
  const { store } = openContext()
  const { from, generation, quarantined } = await restoreRef(store, ref, userInfo().username, (value, number) =>
    renumbered(ref, value, number),
  )
  if (options.json === true) printJson({ ref, from, generation, quarantined })
  else {
    print(`${ref} is as it was in generation ${from} of its log; it counts as generation ${generation}`)
    if (quarantined !== null) print(`  what lay there is kept as ${quarantined}`)
  }
  return 0
}
