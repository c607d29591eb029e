import { writeFile } from 'node:fs/promises'
import { readComparedModels, readComparison } from '../../client/compare.ts'
import { modelPage } from '../../lib/reports/model-page.ts'
import { openContext } from '../context.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson, say, table } from '../output.ts'

/** What differs between two runs, and nothing else; with `html`, the model of the second drawn beside the first's. */
export async function compare(a: string, b: string, options: JsonOption & { html?: string }): Promise<number> {
  const context = openContext()
  const document = await readComparison(context, a, b)
  if (options.html !== undefined) {
    await writeFile(options.html, modelPage(await readComparedModels(context, a, b)))
    say(`page written to ${options.html}`)
  }
  const { differences } = document
  if (options.json === true) printJson(document)
  else if (differences.length === 0) print('the same in everything that counts')
  else
    print(
      table(
        ['', a, b],
        differences.map(({ what, a: left, b: right, better }) => [
          what,
          better === 'a' ? `${left} (better)` : left,
          better === 'b' ? `${right} (better)` : right,
        ]),
      ),
    )
  return 0
}
