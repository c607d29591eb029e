import type { ClientContext } from '../../client/context.ts'
import { isNumbers } from '../../lib/code/run-features.ts'
import { Evaluation } from '../../lib/formats/evaluation.ts'
import type { Explanations, Space } from '../../lib/formats/explain.ts'
import type { ModelVersion } from '../../lib/formats/route.ts'
import { show as number } from '../../lib/formats/show-number.ts'
import { explainRows, unexplained } from '../../lib/jobs/explain-rows.ts'
import { localModel } from '../../lib/models/package.ts'
import { getBytes } from '../../lib/store/objects.ts'
import { readVersion } from '../../lib/store/registry.ts'
import { trustedKeysOf } from '../../workers/settings.ts'
import { colors } from '../colors.ts'
import { type JsonOption, tableAt } from '../options.ts'
import { print, printJson, table } from '../output.ts'

export interface ExplainModelOptions extends JsonOption {
  readonly row?: string
}

/** Characters of the longest bar. */
const barWidth = 24

/** What a model's scores rest on over the test rows; or why the rows of a file get the scores they get. */
export async function explainModel(
  { store, settings }: ClientContext,
  version: ModelVersion,
  options: ExplainModelOptions,
): Promise<number> {
  const local = await localModel({ store, trusted: trustedKeysOf(settings) }, version.digest)
  if (options.row !== undefined) {
    const { explanations, features } = await explainRows(local, tableAt(options.row), options.row)
    tellRows(version, explanations, features, options)
    return 0
  }
  if (local.facts.explain === undefined) throw unexplained(version.model)
  const record = await readVersion(store, version.model, version.digest)
  const evaluation =
    record?.evaluation == null
      ? undefined
      : Evaluation.parse(JSON.parse((await getBytes(store, record.evaluation.digest)).toString('utf8')))
  const attribution = evaluation?.attribution
  if (options.json === true) {
    printJson({ ...version, ...local.facts.explain, attribution: attribution ?? null })
    return 0
  }
  print(`${colors.bold(`${version.model} version ${version.version}`)}  explained by ${local.facts.explain.method}`)
  if (attribution === undefined) {
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

const words: Readonly<Record<Space, string>> = {
  'log odds': 'log odds',
  score: 'score',
  probability: 'probability',
  prediction: 'prediction',
}

type Features = Parameters<typeof isNumbers>[0]

function tellRows(
  version: ModelVersion,
  explanations: Explanations,
  features: Readonly<Record<string, Features>>,
  options: ExplainModelOptions,
): void {
  const { columns, rows, outputs, base, scores, parts, errors, of, method } = explanations
  const told = Array.from({ length: rows * outputs }, (_, i) => ({
    row: Math.floor(i / outputs) + 1,
    ...(outputs > 1 && { output: i % outputs }),
    base: base[i % outputs] as number,
    score: scores[i] as number,
    parts: columns
      .map((feature, column) => ({
        feature,
        value: valueIn(features[feature], Math.floor(i / outputs)),
        part: parts[i * columns.length + column] as number,
        ...(errors !== undefined && { error: errors[i * columns.length + column] as number }),
      }))
      .sort((a, b) => Math.abs(b.part) - Math.abs(a.part)),
  }))
  if (options.json === true) {
    printJson({ ...version, method, of, rows: told })
    return
  }
  print(`${colors.bold(`${version.model} version ${version.version}`)}  explained by ${method}`)
  for (const { row, output, base: from, score, parts: own } of told) {
    const which = output === undefined ? '' : `, output ${output}`
    print(`\nrow ${row}${which}: ${words[of]} ${number(score)}, from ${number(from)} when nothing is known`)
    const longest = Math.abs(own[0]?.part ?? 0)
    print(
      table(
        ['feature', 'value', 'adds', ''],
        own.map(({ feature, value, part, error }) => [
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

function valueIn(values: Features | undefined, row: number): string | number | null | undefined {
  const value = values?.[row]
  return values !== undefined && isNumbers(values) && Number.isNaN(value) ? null : value
}
