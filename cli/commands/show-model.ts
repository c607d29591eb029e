import { readArtifact } from '../../client/artifact.ts'
import type { StoreContext } from '../../client/context.ts'
import { type ModelDocument, readModelVersion } from '../../client/model.ts'
import { shortDigest } from '../../lib/formats/artifact.ts'
import type { Evaluation } from '../../lib/formats/evaluation.ts'
import type { ModelVersion } from '../../lib/formats/route.ts'
import { agreementInWords, decidedHead, decidedRows } from '../../lib/stats/decided.ts'
import { besideLinearTable } from '../beside-linear.ts'
import { colors } from '../colors.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson, table } from '../output.ts'

/** A version of a model, with all that is on record about it. */
export async function showModel(context: StoreContext, version: ModelVersion, options: JsonOption): Promise<number> {
  const document = await readModelVersion(context, version)
  if (options.json === true) {
    printJson(document)
    return 0
  }
  const { name, digest, record, bundle, origin, evaluation } = document
  print(`${colors.bold(`${name} version ${document.version}`)}  ${digest}`)
  if (record !== undefined)
    print(
      `made by run ${record.run}, ${record.registeredAt}; commit ${origin?.commit ?? 'unknown'} (${origin?.tree ?? 'unknown'})`,
    )
  print('')
  print(
    table(
      ['file', 'bytes', 'digest'],
      Object.entries(bundle.files).map(([file, ref]) => [file, String(ref.size), shortDigest(ref.digest)]),
    ),
  )
  if (record !== undefined)
    print(
      `\n${table(
        ['metric', 'value'],
        Object.entries(record.metrics).map(([metric, value]) => [metric, String(value)]),
      )}`,
    )
  showBesideLinear(document)
  if (evaluation !== null) {
    showClasses(evaluation)
    showAnswers(evaluation)
    showImportance(evaluation)
  }
  const card = bundle.files['card.md']
  if (card !== undefined) print(`\n${(await readArtifact(context, card.digest)).bytes.toString('utf8')}`)
  return 0
}

function showBesideLinear({ training, linear }: ModelDocument): void {
  if (training === null || linear === null) return
  print(`\n${besideLinearTable(training, linear)}`)
}

/** How each of several classes does. */
function showClasses({ outputs = [], classes = [] }: Evaluation): void {
  if (classes.length === 0) return
  const share = (value: number): string => value.toFixed(3)
  print(
    `\n${table(
      ['class', 'rows', 'taken for it', 'precision', 'recall', 'F1'],
      classes.map(({ rows, predicted, precision, recall, f1 }, i) => [
        outputs[i] ?? '',
        String(rows),
        String(predicted),
        share(precision),
        share(recall),
        share(f1),
      ]),
    )}`,
  )
}

/** What a function answered, and what came of those rows. */
function showAnswers({ answers, task }: Evaluation): void {
  if (answers === undefined) return
  print(`\n${table(decidedHead(answers, task), decidedRows(answers))}`)
  const agreement = agreementInWords(answers)
  if (agreement !== '') print(agreement)
}

const importanceInWords = {
  binary: 'AUC lost when shuffled',
  multiclass: 'log loss gained when shuffled',
  regression: 'RMSE gained when shuffled',
  quantiles: 'pinball loss gained when shuffled',
  ranking: 'NDCG lost when shuffled',
} as const

/** Which features the model rests on, as bars. */
function showImportance({ task, importance }: Evaluation): void {
  const [first] = importance
  if (first === undefined) return
  const bar = (loss: number): string => '█'.repeat(Math.max(0, Math.round((20 * loss) / Math.max(first.loss, 1e-12))))
  print(
    `\n${table(
      ['feature', importanceInWords[task], ''],
      importance.map(({ feature, loss, spread }) => [
        feature,
        `${loss.toPrecision(3)} ± ${spread.toPrecision(1)}`,
        bar(loss),
      ]),
    )}`,
  )
}
