import { userInfo } from 'node:os'
import { SlipwayError } from '../../pipelines/errors.ts'
import { restoreRef } from '../../store/refs.ts'
import { renumbered } from '../../store/routes.ts'
import { openContext } from '../context.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson } from '../output.ts'

/** What follows the kind of a ref: a name, or the owner and the name of a batch. */
const refName = /^(routes|models|monitors|checks|batches\/[a-z0-9][a-z0-9-]*)\/[a-z0-9][a-z0-9-]*$/

/** `restore routes/flights`: takes a broken ref back to the last good generation of its log. */
export async function restore(ref: string, options: JsonOption): Promise<number> {
  if (!refName.test(ref))
    throw new SlipwayError('USAGE', `"${ref}" is no ref`, {
      next: 'name it as the error does: routes/<endpoint>, models/<name>, batches/<owner>/<name>, …',
    })
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
