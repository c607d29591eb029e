import type { ClientContext } from '../client/context.ts'
import { type AnsweredTensor, inferTensors } from '../client/infer.ts'
import { brief } from '../lib/formats/brief.ts'
import type { JsonOption } from './options.ts'
import { print, printJson, say, table } from './output.ts'

/** Asks a model of tensors about those of a file, which has the form of samples, and shows what it answers. */
export async function predictTensors(
  context: ClientContext,
  endpoint: string,
  given: unknown,
  { data, json }: JsonOption & { readonly data: string },
): Promise<number> {
  const { answers } = await inferTensors(context, endpoint, given, data)
  if (json === true) printJson({ endpoint, answers: answers.map(({ ms: _, ...answer }) => answer) })
  else
    for (const { version, role, ms, outputs } of answers) {
      print(table(['output', 'datatype', 'shape', 'elements'], outputs.map(cellsOf)))
      say(`version ${version} (${role}), ${ms.toFixed(1)} ms`)
    }
  return 0
}

/** Elements of an output that are shown. */
const mostShown = 8

function cellsOf({ name, datatype, shape, data }: AnsweredTensor): string[] {
  const more = data.length > mostShown ? ` and ${data.length - mostShown} more` : ''
  const shown = data.slice(0, mostShown).map((each) => brief(String(each), 40))
  return [name, datatype, `[${shape.join(', ')}]`, `${shown.join(' ')}${more}`]
}
