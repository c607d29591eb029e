import type { StoreContext } from '../../client/context.ts'
import { explainModel, explainRowsOf, type RowsExplanation } from '../../client/explain-model.ts'
import type { Space } from '../../lib/formats/explain.ts'
import type { ModelVersion } from '../../lib/formats/route.ts'
import { show as number } from '../../lib/formats/show-number.ts'
import { colors } from '../colors.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson, table } from '../output.ts'

export interface ExplainModelOptions extends JsonOption {
  readonly row?: string
}

/** Characters of the longest bar. */
const barWidth = 24

/** What a model's scores rest on over the test rows; or why the rows of a file get the scores they get. */
export async function showExplained(
  context: StoreContext,
  model: string,
  { row, json }: ExplainModelOptions,
): Promise<number> {
  if (row !== undefined) {
    const explained = await explainRowsOf(context, model, row)
    if (json === true) printJson(explained)
    else tellRows(explained)
    return 0
  }
  const explained = await explainModel(context, model)
  if (json === true) {
    printJson(explained)
    return 0
  }
  const { attribution } = explained
  print(headOf(explained))
  if (attribution === null) {
    print('no gate has evaluated it: what it rests on over test rows is not known; --row explains rows')
    return 0
  }
  const [first] = attribution.features
  print(
    `\n${table(
      ['feature', `moves the ${words[attribution.of]} by, on average over ${attribution.rows} test rows`, ''],
      attribution.features.map(({ feature, mean }) => [feature, number(mean), bar(mean, first?.mean ?? 0)]),
    )}`,
  )
  return 0
}

const headOf = ({ model, version, method }: ModelVersion & Pick<RowsExplanation, 'method'>): string =>
  `${colors.bold(`${model} version ${version}`)}  explained by ${method}`

const words: Readonly<Record<Space, string>> = {
  'log odds': 'log odds',
  score: 'score',
  probability: 'probability',
  prediction: 'prediction',
}

function tellRows(explained: RowsExplanation): void {
  print(headOf(explained))
  for (const { row, output, base, score, parts } of explained.rows) {
    const which = output === undefined ? '' : `, output ${output}`
    print(`\nrow ${row}${which}: ${words[explained.of]} ${number(score)}, from ${number(base)} when nothing is known`)
    const longest = Math.abs(parts[0]?.part ?? 0)
    print(
      table(
        ['feature', 'value', 'adds', ''],
        parts.map(({ feature, value, part, error }) => [
          feature,
          value === undefined ? '' : value === null ? 'missing' : String(value),
          `${part < 0 ? '-' : '+'}${number(Math.abs(part))}${error === undefined ? '' : ` ± ${number(error)}`}`,
          part < 0 ? colors.red(bar(-part, longest)) : colors.green(bar(part, longest)),
        ]),
      ),
    )
  }
}

const bar = (value: number, longest: number): string =>
  '█'.repeat(longest > 0 ? Math.round((barWidth * value) / longest) : 0)
