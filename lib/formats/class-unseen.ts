import { firstOf } from './brief.ts'
import { SlipwayError } from './errors.ts'

/** The error of classes that rows of a part are of and no training row is. */
export function classUnseen(
  target: string,
  part: string,
  classes: readonly { readonly name: string; readonly rows: number }[],
): SlipwayError {
  const named = firstOf(classes.map(({ name, rows }) => `"${name}" (${rows} row${rows === 1 ? '' : 's'})`))
  const what = `target "${target}": rows of the ${part} part are of a class that no training row is of: `
  const rows = classes.reduce((sum, each) => sum + each.rows, 0)
  return new SlipwayError(
    'CLASS_UNSEEN',
    `${what}${classes.length} class${classes.length === 1 ? '' : 'es'} (${rows} row${rows === 1 ? '' : 's'})`,
    {
      inFull: `${what}${named}`,
      next: `split by stratifiedBy: '${target}', train on more rows, or have the target's function put rare classes together`,
    },
  )
}
