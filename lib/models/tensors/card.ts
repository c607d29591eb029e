import { shortDigest } from '../../formats/artifact.ts'
import { show } from '../../formats/show-number.ts'
import { shapeInWords, type TensorFacts, type TensorSpec } from '../../formats/tensors.ts'
import type { Profile } from '../../stats/profile.ts'
import { outputInWords } from '../../stats/tensor-summary.ts'
import { optimisedInWords } from '../card-optimised.ts'

/** The card of a model of tensors alone, made from facts only. @param items of the samples */
export function tensorCard(facts: TensorFacts, profile: Profile, items: number): string {
  const { name, inputs, outputs, model, isBatched } = facts
  return `# ${name}

A finished model of tensors, ONNX, without rows or features.

## Tensors
| tensor | | datatype | shape |
| --- | --- | --- | --- |
${[...inputs.map(lineOf('in')), ...outputs.map(lineOf('out'))].join('\n')}

${isBatched ? 'The first axis counts items: a request may ask about several.' : 'A request asks about one thing: not every first axis may be any size.'}

## Origin
The ONNX file \`${shortDigest(model)}\`, ${facts.optimised === undefined ? 'taken as it is' : 'optimised'}. How it was trained is not known here.

## Answers
${answersInWords(facts, profile, items)}

## Scoring
By ONNX Runtime, one thread, each request by itself: an answer does not depend on what else is asked at the time.
An answer with NaN is a failure.${optimisedInWords(facts.optimised)}
`
}

function answersInWords({ samples }: TensorFacts, profile: Profile, items: number): string {
  if (samples === undefined)
    return 'It was registered without sample inputs, so there is nothing that its answers could be compared with.'
  const digest = shortDigest(samples)
  return `The baseline profile is of its answers to ${items} sample inputs, \`${digest}\`.\n\n${profileTable(profile)}`
}

const lineOf =
  (way: 'in' | 'out') =>
  ({ name, datatype, shape }: TensorSpec): string =>
    `| ${name.replaceAll('|', '\\|')} | ${way} | ${datatype} | ${shapeInWords(shape)} |`

function profileTable(profile: Profile): string {
  const lines = Object.entries(profile).map(([name, column]) => {
    const said =
      column.kind === 'categorical'
        ? `${column.distinct} different`
        : column.mean === null
          ? 'no numbers'
          : `${show(column.mean)} ± ${show(column.std ?? 0)}`
    return `| ${outputInWords(name).replaceAll('|', '\\|')} | ${said} |`
  })
  return ['| of an answer | |', '| --- | --- |', ...lines].join('\n')
}
