import { shortDigest } from '../pipelines/artifact.ts'
import { rulesOf } from '../pipelines/contract/rules.ts'
import { ruleInWords } from '../pipelines/contract/words.ts'
import type { ColumnRule } from '../pipelines/row-schema.ts'
import type { TrainingReport } from '../pipelines/training-report.ts'
import { show } from '../stats/gates.ts'
import type { KernelReport } from './kernel.ts'
import type { ModelFacts } from './model.ts'

/**
 * A model card (Mitchell et al., Model Cards for Model Reporting, FAT* 2019), made from facts only. What the model was
 * judged by later, its test metrics and gates, is on its version in the registry: it does not change what the model is.
 */
export function modelCard(facts: ModelFacts, training: TrainingReport, kernel: KernelReport): string {
  const { learner } = facts
  const features = [...training.features].sort((a, b) => b.importance - a.importance)
  return `# ${facts.name}

${facts.task === 'binary' ? 'Binary classifier' : 'Regression model'} for \`${facts.target}\`, gradient-boosted trees, ONNX.

## Data
| | |
| --- | --- |
| snapshot | \`${shortDigest(facts.snapshot)}\` |
| training rows | ${training.rows.train} |
| validation rows | ${training.rows.validation} |
| mean label | ${show(training.meanLabel)} |

## Input
| column | type | rules |
| --- | --- | --- |
${facts.inputs.map((rule) => `| ${rule.name} | ${rule.type}${rule.nullable ? ', may be missing' : ''} | ${rulesInWords(rule)} |`).join('\n')}

Feature code \`${facts.featureCode.name}\` \`${shortDigest(facts.featureCode.digest)}\`, packaged with the model.

## Features by share of gain
| feature | kind | share |
| --- | --- | --- |
${features.map(({ name, kind, categories, importance }) => `| ${name} | ${kind}${categories === undefined ? '' : `, ${categories} values`} | ${(importance * 100).toFixed(1)} % |`).join('\n')}

## Training
${training.trees} trees of at most ${learner.leaves} leaves, learning rate ${learner.learningRate}, at least ${learner.minRowsPerLeaf} rows a leaf, L2 ${learner.l2}, ${learner.bins} bins, early stopping ${learner.earlyStopping === 0 ? 'off' : `after ${learner.earlyStopping} trees`}, seed ${facts.seed}.

On the validation rows: ${Object.entries(training.validationMetrics)
    .map(([name, value]) => `${name} ${show(value)}`)
    .join(', ')}.

## Scoring
${scoringInWords(kernel)}

## Limits
It knows the rows it was trained on. Values of a category that did not occur there count as missing. Compare its inputs with
\`baseline.json\` before you trust it on other data.
`
}

function scoringInWords(kernel: KernelReport): string {
  if (kernel.status === 'refused') return `By ONNX Runtime. The trees were not compiled: ${kernel.reason}.`
  const { shape, proof } = kernel
  return `By a compiled kernel of ${shape.codeBytes + shape.tableBytes} bytes, with the bits of ONNX Runtime ${proof.onnxruntime} (one thread, ${proof.platform}) on ${proof.tableRows} validation rows and ${proof.fuzzRows} made-up ones; \`model.onnx\` stays the reference.`
}

function rulesInWords(column: ColumnRule): string {
  const rules = rulesOf(column).filter(({ kind }) => !['finite', 'whole', 'safe'].includes(kind))
  return rules.map((rule) => ruleInWords(rule, column.type).replaceAll('|', '\\|')).join(', ')
}
