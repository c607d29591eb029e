import { rulesOf } from '../definition/contract/rules.ts'
import { ruleInWords } from '../definition/contract/words.ts'
import { shortDigest } from '../formats/artifact.ts'
import { isOfContainer } from '../formats/learner.ts'
import type { ColumnRule } from '../formats/row-schema.ts'
import { show } from '../formats/show-number.ts'
import { parametersInWords } from '../formats/step-kinds/tune-step.ts'
import type { TrainingReport } from '../formats/training-report.ts'
import { comparedBy, type Tuning } from '../formats/tuning.ts'
import { profileHead, profileRows } from '../stats/profile-summary.ts'
import { stepOfFloat32 } from '../stats/standard.ts'
import { optimisedInWords } from './card-optimised.ts'
import type { CompiledModelReport } from './compiled-model.ts'
import type { ModelFacts } from './model.ts'
import type { SourceRead } from './source-read.ts'

/** Columns of the source that the card tells of. */
const columnsTold = 50

/** What a card is made from, besides how the model scores. */
export interface CardFacts {
  readonly facts: ModelFacts
  readonly training: TrainingReport
  /** Where parameters were chosen by trials. */
  readonly tuning?: Tuning | undefined
  readonly source: SourceRead
}

/**
 * A model card (Mitchell et al., Model Cards for Model Reporting, FAT* 2019), made from facts only. What the model was
 * judged by later, its test metrics and gates, is on its version in the registry: it does not change what the model is.
 */
export function modelCard({ facts, training, tuning, source }: CardFacts, compiledModel: CompiledModelReport): string {
  const words = training.words ?? treesInWords(facts, training)
  const isFinished = facts.learner.kind === 'onnx'
  const features = [...training.features].sort((a, b) => b.importance - a.importance)
  return `# ${facts.name}

${kindsInWords[facts.task]} for ${targetCode(facts)}${facts.group === undefined ? '' : ` of rows by \`${facts.group}\``}, ${words.model}, ONNX.

## Data
| | |
| --- | --- |
| snapshot | \`${shortDigest(facts.snapshot)}\` |
| ${isFinished ? 'rows of the baseline' : 'training rows'} | ${training.rows.train} |
| validation rows | ${training.rows.validation} |
${groupsInWords(training)}${labelInWords(training)}

${readInWords(source)}

## Input
| column | type | rules |
| --- | --- | --- |
${facts.inputs.map((rule) => `| ${rule.name} | ${rule.type}${rule.nullable ? ', may be missing' : ''} | ${rulesInWords(rule)} |`).join('\n')}

Feature code \`${facts.featureCode.name}\` \`${shortDigest(facts.featureCode.digest)}\`, packaged with the model.${answerInWords(facts)}

## Features by ${words.importance}
${featureTable(features)}

## Training
${words.training}${tuning === undefined ? '' : tuningInWords(tuning)}

On the validation rows: ${Object.entries(training.validationMetrics)
    .map(([name, value]) => `${name} ${show(value)}`)
    .join(', ')}.${calibrationInWords(training)}

## Scoring
${facts.task === 'ranking' ? 'Its score orders the rows of one group: it says nothing by itself, nor beside rows of another.\n' : ''}${scoringInWords(compiledModel, training, isFinished || isOfContainer(facts.learner))}${precisionInWords(training)}${optimisedInWords(facts.optimised)}

## Limits
${isFinished ? 'Which rows it was trained on is not known here.' : 'It knows the rows it was trained on. Values of a category that did not occur there count as missing.'} Compare its inputs with
\`baseline.json\` before you trust it on other data.
`
}

/** The function that answers; nothing where none does. */
const answerInWords = ({ decision }: ModelFacts): string =>
  decision === undefined
    ? ''
    : `\n\n\`${decision.name}\` \`${shortDigest(decision.digest)}\` makes the answer, ${answerKinds[decision.kind]}, of scores and columns; it is packaged too.`

const answerKinds = { number: 'a number', boolean: 'a truth value', text: 'a text' } as const

const kindsInWords = {
  binary: 'Binary classifier',
  multiclass: 'Classifier of several classes',
  regression: 'Regression model',
  quantiles: 'Model of quantiles',
  ranking: 'Ranking',
} as const

/** What is predicted: the columns, and of quantiles which. */
function targetCode({ task, target, outputs = [] }: ModelFacts): string {
  const code = (name: string): string => `\`${name}\``
  if (task === 'quantiles') return `${code(target)}, its quantiles ${outputs.join(', ')}`
  return (task === 'regression' && outputs.length > 0 ? outputs : [target]).map(code).join(', ')
}

/** How parameters were chosen, and what that does to the numbers below. */
function tuningInWords({ trials, chosen, ...compared }: Tuning): string {
  const trial = trials.find(({ number }) => number === chosen)
  const parameters = parametersInWords(trial?.parameters ?? {})
  const { name } = comparedBy(compared)
  const by =
    compared.objective === undefined
      ? `the ${name} of the validation rows`
      : `a search of SageMaker’s, by the ${name} that the program says`
  return ` Chosen of ${trials.length} trials by ${by}: ${parameters}. On these rows, by which it was chosen, it is a little better than it is elsewhere.`
}

function calibrationInWords({ calibrated }: TrainingReport): string {
  if (calibrated === undefined) return ''
  const how = calibrated === 'platt' ? 'a logistic curve (Platt)' : 'isotonic regression'
  return ` Probabilities are calibrated by ${how} on these rows, so that this is a little better than it is elsewhere.`
}

/** Reports on trees say nothing in words: these bytes are part of the model's digest. */
function treesInWords({ learner, seed }: ModelFacts, { trees }: TrainingReport): NonNullable<TrainingReport['words']> {
  if (learner.kind !== 'trees')
    throw new Error(`the report on the model's training does not say what "${learner.kind}" made`)
  const { leaves, learningRate, minRowsPerLeaf, l2, bins, earlyStopping } = learner
  return {
    model: 'gradient-boosted trees',
    importance: 'share of gain',
    training: `${trees} trees of at most ${leaves} leaves, learning rate ${learningRate}, at least ${minRowsPerLeaf} rows a leaf, L2 ${l2}, ${bins} bins, early stopping ${earlyStopping === 0 ? 'off' : `after ${earlyStopping} trees`}, seed ${seed}.`,
  }
}

/** The features, those that matter most first; with their weights where the model has some. */
function featureTable(features: TrainingReport['features']): string {
  const hasWeights = features.some(({ weight }) => weight !== undefined)
  const line = (...cells: readonly string[]): string => `| ${cells.slice(0, hasWeights ? 4 : 3).join(' | ')} |`
  return [
    line('feature', 'kind', 'share', 'weight of a standard deviation'),
    line('---', '---', '---', '---'),
    ...features.map((feature) =>
      line(
        feature.name,
        kindInWords(feature),
        `${(feature.importance * 100).toFixed(1)} %`,
        feature.weight === undefined ? '' : show(feature.weight),
      ),
    ),
  ].join('\n')
}

function kindInWords({ kind, categories, offset }: TrainingReport['features'][number]): string {
  const count = categories === undefined ? '' : `, ${categories} values`
  // The graph by itself, in another program, has to be given what the gateway and batches give it.
  return `${kind}${count}${offset === undefined ? '' : `, the graph takes it less ${offset}`}`
}

/** In how many groups the rows of a ranking are. */
const groupsInWords = ({ groups }: TrainingReport): string =>
  groups === undefined
    ? ''
    : `| groups of training rows | ${groups.train} |\n| groups of validation rows | ${groups.validation} |\n`

/** The classes with their training rows; or the mean label, of several targets each one's. */
function labelInWords(training: TrainingReport): string {
  const { outputs, classRows, targets } = training
  if (targets !== undefined)
    return targets.map((each) => `| mean of \`${each.name}\` | ${meanInWords(each)} |`).join('\n')
  if (outputs === undefined || classRows === undefined) return `| mean label | ${meanInWords(training)} |`
  const cell = (name: string): string => name.replaceAll('|', '\\|').replaceAll('\n', ' ')
  return outputs.map((name, i) => `| rows of \`${cell(name)}\` | ${classRows[i] ?? 0} |`).join('\n')
}

/** The mean label to as many digits as its spread gives a meaning to. */
function meanInWords({ meanLabel = 0, labelSpread }: Pick<TrainingReport, 'meanLabel' | 'labelSpread'>): string {
  if (labelSpread === undefined || labelSpread === 0) return show(meanLabel)
  const digits = Math.ceil(Math.log10(Math.max(1, Math.abs(meanLabel / labelSpread)))) + 4
  return `${Number(meanLabel.toPrecision(Math.min(17, digits)))}, spread ${show(labelSpread)}`
}

/** What float32 costs a regression. */
function precisionInWords({ answers, meanLabel = 0, labelSpread }: TrainingReport): string {
  if (answers === 'float64')
    return '\nPredictions are float64: labels lie too far from zero for their spread, or spread too little, for float32.'
  if (labelSpread === undefined || labelSpread === 0 || meanLabel === 0) return ''
  const step = stepOfFloat32(meanLabel)
  return `\nPredictions are float32, with a step of ${show(step)} at the mean label, ${show((100 * step) / labelSpread)} % of the labels' spread.`
}

/** The columns of the source as a table. */
function readInWords({ profile, schema }: SourceRead): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`
  const rows = profileRows(profile, schema)
  const more = rows.length - columnsTold
  return [
    '### What was read',
    line(profileHead),
    line(profileHead.map(() => '---')),
    ...rows.slice(0, columnsTold).map(line),
    ...(more > 0 ? ['', `and ${more.toLocaleString('en-US')} more columns: \`profile.json\` of the snapshot.`] : []),
  ].join('\n')
}

function scoringInWords(compiledModel: CompiledModelReport, { trees }: TrainingReport, isGiven: boolean): string {
  if (isGiven && compiledModel.status === 'refused')
    return `By ONNX Runtime. It was not compiled: ${compiledModel.reason}.`
  if (trees === undefined && !isGiven) return 'By ONNX Runtime: there are no trees to compile.'
  if (compiledModel.status === 'refused')
    return `By ONNX Runtime. The trees were not compiled: ${compiledModel.reason}.`
  const { shape, proof } = compiledModel
  // These bytes are part of the model's digest: the word is older than the name of the thing.
  return `By a compiled kernel of ${shape.codeBytes + shape.tableBytes} bytes, with the bits of ONNX Runtime ${proof.onnxruntime} (one thread, ${proof.platform}) on ${proof.tableRows} validation rows and ${proof.fuzzRows} made-up ones; \`model.onnx\` stays the reference.`
}

function rulesInWords(column: ColumnRule): string {
  const rules = rulesOf(column).filter(({ kind }) => !['finite', 'whole', 'safe'].includes(kind))
  return rules.map((rule) => ruleInWords(rule, column.type).replaceAll('|', '\\|')).join(', ')
}
