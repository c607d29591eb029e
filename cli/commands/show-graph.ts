import { readRunGraph } from '../../client/run-graph.ts'
import { colors } from '../colors.ts'
import { openContext } from '../context.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson, seconds, table } from '../output.ts'

/** `show <run> --graph`: the steps of a run that has ended or goes on, what each needs, and why it ran. */
export async function showGraph(run: string, options: JsonOption): Promise<number> {
  const graph = await readRunGraph(openContext(), run)
  if (options.json === true) {
    printJson(graph)
    return 0
  }
  print(`${colors.bold(run)}  ${graph.status}${graph.waits === null ? '' : `, ${graph.waits}`}`)
  print(
    table(
      ['step', 'needs', 'state', 'time', 'why'],
      graph.steps.map(({ id, needs, state, seconds: took, reason }) => [
        id,
        needs.join(', '),
        state,
        took === null ? '' : seconds(took),
        reason,
      ]),
    ),
  )
  return 0
}
