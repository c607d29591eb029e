import type { StoreContext } from '../client/context.ts'
import { readView, readViews } from '../client/views.ts'
import { shortDigest } from '../lib/formats/artifact.ts'
import type { PublishedView } from '../lib/formats/view.ts'
import { colors } from './colors.ts'
import type { JsonOption } from './options.ts'
import { print, printJson, table } from './output.ts'

/** `show views`: what is published of each. */
export async function showViews(context: StoreContext, options: JsonOption): Promise<number> {
  const views = await readViews(context)
  if (options.json === true) printJson(views)
  else if (views.length === 0) print('no views yet: p.feature in a pipeline makes one')
  else
    print(
      table(
        ['view', 'revision', 'definition', 'rows', 'published', 'used by', 'stale'],
        views.map((view) => {
          const { name, revision, definition, table: made, publishedAt } = view
          const { using, stale } = usersOf(view)
          const counts = [String(revision), shortDigest(definition), String(made.rows)]
          return [name, ...counts, publishedAt, using.join(', '), stale.join(', ')]
        }),
      ),
    )
  return 0
}

/** `show view:history`: what is published of a view, and by whom it is used. @throws SlipwayError NOT_FOUND */
export async function showView(context: StoreContext, name: string, options: JsonOption): Promise<number> {
  const view = await readView(context, name)
  if (options.json === true) {
    printJson(view)
    return 0
  }
  const { revision, definition, since, table: made, key, known, publishedAt, run, pipelines } = view
  print(`${colors.bold(`view ${name}`)}  revision ${revision}, ${publishedAt}, by run ${run}`)
  print(`definition ${shortDigest(definition)}, since revision ${since}`)
  print(`table ${shortDigest(made.digest)}, ${made.rows} rows: slipway show ${shortDigest(made.digest)}`)
  print(`key ${key.join(', ')}${known === null ? '' : `; known by ${known}`}\n`)
  print(
    table(
      ['pipeline', 'definition', 'run', ''],
      Object.entries(pipelines).map(([pipeline, use]) => [
        pipeline,
        shortDigest(use.definition),
        use.run,
        use.definition === definition ? '' : 'stale',
      ]),
    ),
  )
  return 0
}

function usersOf({ definition, pipelines }: PublishedView): { using: string[]; stale: string[] } {
  const names = (isUsed: boolean): string[] =>
    Object.entries(pipelines).flatMap(([name, use]) => ((use.definition === definition) === isUsed ? name : []))
  return { using: names(true), stale: names(false) }
}
