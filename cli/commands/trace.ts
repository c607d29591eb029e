import { type PredictionDocument, readPrediction } from '../../client/trace.ts'
import { shortDigest } from '../../lib/formats/artifact.ts'
import { openContext } from '../context.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson } from '../output.ts'

/** `trace <request id>`: from a prediction to the model, the run, the snapshot and the commit, and to its label. */
export async function trace(request: string, options: JsonOption): Promise<number> {
  const document = await readPrediction(openContext(), request)
  if (options.json === true) printJson(document)
  else tell(document)
  return 0
}

/** `price 210000, rent 900`. */
const namedInWords = (numbers: Readonly<Record<string, number>>): string =>
  Object.entries(numbers)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ')

function tell(found: PredictionDocument): void {
  const { request, endpoint, model, run, snapshot, commit, tree, masked, rows } = found
  print(`request   ${request} to ${endpoint}`)
  for (const { row, at, role, prediction, predictions, answer, input, label } of rows) {
    const cells = Object.entries(input).map(([name, value]) =>
      masked.includes(name)
        ? `${name}=(masked)`
        : `${name}=${value instanceof Date ? value.toISOString() : String(value)}`,
    )
    print(
      `row ${String(row).padEnd(6)}${at} by the ${role}: ${answer === undefined ? '' : `${answer}, probability `}${predictions === undefined ? prediction : namedInWords(predictions)}`,
    )
    print(`          ${cells.join(' ')}`)
    print(`label     ${label === null ? 'none yet' : `${[label.value].flat().join(', ')}, known ${label.knownAt}`}`)
  }
  print(
    `model     ${model.name} version ${model.version}${model.digest === null ? '' : ` (${shortDigest(model.digest)})`}`,
  )
  print(`run       ${run ?? 'not on record'}`)
  print(`snapshot  ${snapshot === null ? 'not on record' : shortDigest(snapshot)}`)
  print(`commit    ${commit ?? 'not on record'}${tree === 'dirty' ? ' (and what was not committed)' : ''}`)
}
